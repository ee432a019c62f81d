"""A passage of a document: whole paragraphs, or whole sentences of a long one, between two lengths.

Where it begins is decided by a hash of the document's id, so that not every seed is an introduction, and again the same.
"""

import re
from dataclasses import dataclass

from curation.provenance import key

_SENTENCE = re.compile(r"[^。．！？!?]*[。．！？!?]+[」』）)】]*|[^。．！？!?]+$")


_ENDS = ("。", "！", "？", "」", "』", "）")
_ENDED = re.compile(r"[。！？]")


def sentences(text: str) -> list[str]:
    """Sentences of a paragraph, with what closes them.

    >>> sentences("晴れた。「行こう。」と言う")
    ['晴れた。', '「行こう。」', 'と言う']
    """
    return [found[0] for found in _SENTENCE.finditer(text)]


def is_prose(text: str) -> bool:
    """Whether a passage is running text: at least two sentences, most lines ending like one, no table.

    >>> is_prose("米を研ぐ。水を量る。"), is_prose("品名\\t価格\\n米\\t500円。水\\t0円。"), is_prose("目次\\n一章\\n二章")
    (True, False, False)
    """
    lines = [line for line in text.splitlines() if line.strip()]
    ended = sum(line.rstrip().endswith(_ENDS) for line in lines)
    return "\t" not in text and ended >= 0.8 * len(lines) and text.count("。") >= 2


@dataclass(frozen=True)
class Prose:
    """What a recipe takes for running Japanese text, so that no key, table or list of names becomes a passage.

    kana: least share of kana among letters, digits and marks, in [0, 1]; running Japanese has about half. sentences: least number of
    sentences with an end of their own. ended: least share of the lines that end like a sentence, in [0, 1].
    """

    kana: float
    sentences: int
    ended: float

    def holds(self, text: str) -> bool:
        """Whether a text is running text.

        >>> rule = Prose(kana=0.2, sentences=2, ended=0.5)
        >>> rule.holds("米を研ぐ。水を量る。"), rule.holds("MIIC7jCCAlegAwIBAgIBATANBgkqhkiG9w0B"), rule.holds("米。水。")
        (True, False, False)
        """
        lines = [line.rstrip() for line in text.splitlines() if line.strip()]
        signs = [c for c in text if not c.isspace()]
        if not signs:
            return False
        kana = sum("ぁ" <= c <= "ヿ" for c in signs) / len(signs)
        ended = sum(line.endswith(_ENDS) for line in lines) / len(lines)
        return kana >= self.kana and ended >= self.ended and len(_ENDED.findall(text)) >= self.sentences

    def __str__(self) -> str:
        return f"running text (kana ≥ {self.kana:g}, sentences ≥ {self.sentences}, lines that end like one ≥ {self.ended:g})"


def passage(text: str, least: int, most: int, ident: bytes, prose: Prose | None = None) -> str | None:
    """A passage of `least` to `most` characters, or None where the document has none: too short, or without sentences that fit.

    prose: what it must be besides; None for any text.

    >>> passage("一つ目の段落です。\\n二つ目の段落です。", 5, 12, b"x") in ("一つ目の段落です。", "二つ目の段落です。")
    True
    >>> passage("短い。", 5, 12, b"x") is None
    True
    """
    pieces = []
    for paragraph in text.split("\n"):
        line = paragraph.strip()
        if not line:
            continue
        pieces += [line] if len(line) <= most else [s for s in sentences(line) if len(s) <= most]
        pieces.append("")  # what follows begins a new line
    starts = [i for i, piece in enumerate(pieces) if piece]
    if not starts:
        return None
    first = int.from_bytes(key("passage", ident)[:8], "big") % len(starts)
    for start in (*starts[first:], *starts[:first]):
        made = _from(pieces, start, most)
        if len(made) >= least and (prose is None or prose.holds(made)):
            return made
    return None


def _from(pieces: list[str], start: int, most: int) -> str:
    """As many pieces from `start` on as fit into `most` characters."""
    made, broken = "", False
    for piece in pieces[start:]:
        if not piece:
            broken = True
            continue
        grown = f"{made}\n{piece}" if made and broken else made + piece
        if len(grown) > most:
            break
        made, broken = grown, False
    return made
