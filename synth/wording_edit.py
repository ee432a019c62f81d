"""A wording's line marked as reviewed, or put in other words, without touching the rest of its file.

A file of wordings is read and written by people: its comments, order and style are theirs. So an edit replaces the characters of the
values that change, found by their place in the file, and nothing else; afterwards the file is read again and must say what was meant.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import yaml

from synth.wordings import Line, WordingError, wordings_of

_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


@dataclass(frozen=True)
class Reviewed:
    """A line was read by a person. reviewer: who, and the date; text: in other words, or None where it stays."""

    reviewer: str
    text: str | None = None


def edited(source: str, path: Path, reviews: Mapping[str, Reviewed]) -> str:
    """The file's text with lines (by their id in the file, `ask.1`) marked as reviewed.

    Raises WordingError for a line that is not there, and where the place of a value cannot be found (anchors, merged keys).

    >>> line = "lines:\\n  - {id: ask.1, state: draft, split: train, text: 訳して。}  # 短く\\n"
    >>> print(edited(line, Path("f.yaml"), {"ask.1": Reviewed("r-1, 2026-11-26", "訳してください。")}), end="")
    lines:
      - {id: ask.1, state: reviewed, reviewer: "r-1, 2026-11-26", split: train, text: "訳してください。"}  # 短く
    """
    before = wordings_of(source, path)
    if unknown := sorted(reviews.keys() - {line.name for line in before.lines}):
        raise WordingError(f"{path.name}: there is no line '{unknown[0]}'")
    pieces: list[tuple[int, int, str]] = []
    for node in _lines(source):
        fields = {key.value: value for key, value in node.value}
        review = reviews.get(fields["id"].value)
        if review is not None:
            pieces += _pieces(node, fields, review)
    text = source
    for start, end, new in sorted(pieces, reverse=True):
        text = text[:start] + new + text[end:]
    meant = [_marked(line, reviews.get(line.name)) for line in before.lines]
    try:
        fits = list(wordings_of(text, path).lines) == meant
    except WordingError:
        fits = False
    if not fits:
        raise WordingError(f"{path.name}: a line is not written so that it can be edited in its place; edit it by hand")
    return text


def _marked(line: Line, review: Reviewed | None) -> Line:
    if review is None:
        return line
    return replace(
        line, state="reviewed", reviewer=review.reviewer, text=line.text if review.text is None else review.text
    )


def _lines(source: str) -> list[yaml.MappingNode]:
    root = cast(yaml.MappingNode, yaml.compose(source, Loader=yaml.SafeLoader))
    lines = next(value for key, value in root.value if key.value == "lines")
    return lines.value


def _pieces(
    node: yaml.MappingNode, fields: Mapping[str, yaml.ScalarNode], review: Reviewed
) -> list[tuple[int, int, str]]:
    state, by = fields["state"], _quoted(review.reviewer)
    made = [(state.start_mark.index, state.end_mark.index, "reviewed")]
    if "reviewer" in fields:
        made.append((fields["reviewer"].start_mark.index, fields["reviewer"].end_mark.index, by))
    else:
        column = node.value[0][0].start_mark.column
        between = ", " if node.flow_style else "\n" + " " * column
        made[0] = (*made[0][:2], f"reviewed{between}reviewer: {by}")
    if review.text is not None:
        text = fields["text"]
        block = "\n" if text.style in ("|", ">") else ""  # a block reaches to the line below
        made.append((text.start_mark.index, text.end_mark.index, _quoted(review.text) + block))
    return made


def _quoted(text: str) -> str:
    """A double-quoted scalar: JSON's form is one of YAML's once what YAML takes for no character, or for a line's end, is escaped."""
    return _ESCAPED.sub(lambda m: f"\\u{ord(m[0]):04x}", json.dumps(text, ensure_ascii=False))
