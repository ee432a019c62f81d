"""What is typed into the search box, read as Elasticsearch's simple query string reads it.

Words must all occur (in whatever field), and

    +  between two: both          |  between two: one of them       -  before a word: not this one
    "…"  these words beside each other     ( )  what belongs together     \\  the next character is meant as it is
    word*  words that begin so    word~1  words one letter away     "…"~2  these words, two others between them at most

Nothing that is typed is an error: a quote that is never closed, an operator without a word are left out. Operators bind from left to
right, as there. Language: https://www.elastic.co/guide/en/elasticsearch/reference/8.17/query-dsl-simple-query-string-query.html
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from annotation.server.engine.tokens import tokens

MOST_EDITS = 2
"""More is taken as this (Lucene's limit)."""

MOST_OPERATORS = 200
"""Words and operators of one query that are read; SQLite's own limits lie beyond."""


@dataclass(frozen=True)
class Term:
    """Words beside each other. prefix: the last one is a beginning; edits: the one word may differ so much; slop: words between."""

    words: tuple[str, ...]
    prefix: bool = False
    edits: int = 0
    slop: int | None = None

    def match(self, alternatives: tuple[str, ...] = ()) -> str:
        """The expression for FTS5. alternatives: words of the index that the one word may be read as.

        >>> Term(("東", "京")).match(), Term(("cat",), prefix=True).match(), Term(("a", "b"), slop=2).match()
        ('"東 京"', '"cat" *', 'NEAR("a" "b", 2)')
        """
        if alternatives:
            return " OR ".join(f'"{word}"' for word in alternatives)
        if self.slop is not None and len(self.words) > 1:
            apart = " ".join(f'"{word}"' for word in self.words)
            return f"NEAR({apart}, {self.slop})"
        return f'"{" ".join(self.words)}"' + (" *" if self.prefix else "")


@dataclass(frozen=True)
class Both:
    """Both occur."""

    left: "Query"
    right: "Query"


@dataclass(frozen=True)
class Either:
    """One of the two occurs."""

    left: "Query"
    right: "Query"


@dataclass(frozen=True)
class Not:
    """It does not occur."""

    query: "Query"


Query = Term | Both | Either | Not

_PIECE = re.compile(
    r"""\s+
      | (?P<mark>[+|()])
      | (?P<minus>-)(?=\S)
      | "(?P<phrase>(?:\\.|[^"\\])*)(?:"(?:~(?P<slop>\d+))?|$)
      | (?P<word>(?:\\.|[^\s"+|()\\])+|\\$)""",
    re.X | re.S,
)


def parse(text: str) -> Query | None:
    """The query that a text asks for; None where it holds no word (everything is found then).

    >>> parse("東京 -大阪") == Both(Term(("東", "京")), Not(Term(("大", "阪"))))
    True
    >>> parse(' | + "" ') is None
    True
    """
    pieces = [m for m in _PIECE.finditer(text) if m.lastgroup][:MOST_OPERATORS]
    return _sequence(iter(pieces))


def _sequence(pieces: Iterator[re.Match[str]]) -> Query | None:
    """Reads up to the closing parenthesis or the end."""
    result: Query | None = None
    either = negated = False
    for piece in pieces:
        found: Query | None
        if piece["minus"]:
            negated = not negated
            continue
        if piece["mark"] == ")":
            break
        if piece["mark"] in ("+", "|"):
            either = piece["mark"] == "|"
            continue
        if piece["mark"] == "(":
            found = _sequence(pieces)
        elif piece["phrase"] is not None:
            words = tuple(tokens(_plain(piece["phrase"])))
            found = Term(words, slop=int(piece["slop"]) if piece["slop"] else None) if words else None
        else:
            found = _word(piece["word"])
        if found is None:
            negated = False
            continue
        found = Not(found) if negated else found
        result = found if result is None else Either(result, found) if either else Both(result, found)
        either = negated = False
    return result


def _word(text: str) -> Term | None:
    edits, prefix = 0, False
    if m := re.fullmatch(r"(.*[^\\~])~(\d*)", text, re.S):
        text, edits = m[1], min(int(m[2] or MOST_EDITS), MOST_EDITS)
    elif m := re.fullmatch(r"(.*[^\\*])\*", text, re.S):
        text, prefix = m[1], True
    words = tuple(tokens(_plain(text)))
    return Term(words, prefix, edits if len(words) == 1 else 0) if words else None


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.S)


def terms(query: Query | None) -> Iterator[Term]:
    """Terms that speak for a record, i.e. those that are not negated."""
    if isinstance(query, Term):
        yield query
    elif isinstance(query, Both | Either):
        yield from terms(query.left)
        yield from terms(query.right)


def within(word: str, other: str, edits: int) -> bool:
    """Whether one word becomes the other by so many letters added, left out or put in another's place (Levenshtein).

    >>> within("kitten", "sitting", 3), within("kitten", "sitting", 2)
    (True, False)
    """
    if abs(len(word) - len(other)) > edits:
        return False
    row = list(range(len(other) + 1))
    for i, a in enumerate(word, 1):
        before, row[0] = row[0], i
        for j, b in enumerate(other, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
        if min(row) > edits:
            return False
    return row[-1] <= edits
