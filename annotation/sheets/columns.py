"""The columns of a task's sheet: what a line shows, what it asks, and an answer as cells and back.

A header is the title with the column's name in brackets, 「どちらの回答がよいですか（preference）」; columns are found again by
the name, so the title may be changed and columns may be moved. Choices stand in a cell by their text and are read by text or
value, ratings as numbers, several choices side by side with /, a ranking as a column of ranks for each answer. Spans cannot be
marked in a cell; they are shown and not taken.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from annotation.questions import Question, Task

ID, CHECK, SAID = "id", "check", "answers"
TITLES = {
    ID: {"ja": "番号", "en": "id"},
    CHECK: {"ja": "確認済み", "en": "checked"},
    SAID: {"ja": "これまでの回答", "en": "answers so far"},
}
CHECKED = {"済", "済み", "確認済み", "確認済", "✓", "✔", "○", "◯", "〇", "レ", "ok", "yes", "1", "true", "x"}
"""What may stand in the column of checked lines: the line is an answer though nothing in it was changed."""
_ROLES = {"system": "システム", "user": "利用者", "assistant": "アシスタント", "tool": "ツール"}
_NAME = re.compile(r"[（(]\s*([a-z][a-z_0-9.]*)\s*[）)]\s*$")
_BETWEEN = re.compile(r"[/／;；\n]")


class CellError(ValueError):
    """A cell that is no answer: `wanted` says what would be one."""

    def __init__(self, found: str, wanted: str):
        super().__init__(f"{found!r}: {wanted}")
        self.found, self.wanted = found, wanted


@dataclass(frozen=True)
class Column:
    """A column. question: None where it is shown; part: the answer that a rank is of; width: of the column, in characters."""

    name: str
    title: str
    question: Question | None = None
    part: str = ""
    width: int = 24

    @property
    def header(self) -> str:
        """Its first cell."""
        return f"{self.title}（{self.name}）"

    @property
    def asked(self) -> bool:
        """Whether it is to be filled in."""
        return self.name == CHECK or (self.question is not None and self.question.asks != "span")

    @property
    def choices(self) -> list[str]:
        """What may be chosen, as it stands in the cell; none where anything may be written."""
        if self.question is None:
            return []
        if self.question.asks == "label":
            return list((self.question.labels or {}).values())
        if self.question.asks == "rating":
            return [str(point) for point in self.question.points]
        return [str(n + 1) for n in range(len(self.question.labels or ()))] if self.part else []


def columns_of(task: Task, shows_answers: bool, language: str = "ja") -> list[Column]:
    """Columns of a task's sheet in their order."""
    made = [Column(ID, TITLES[ID][language], width=18)]
    made += [Column(field.name, field.title, width=60) for field in task.fields if field.name != "warning"]
    if shows_answers:
        made.append(Column(SAID, TITLES[SAID][language], width=40))
    for question in task.questions:
        if question.asks == "ranking":
            parts = [(slot, text) for slot, text in (question.labels or {}).items()]
            made += [Column(f"{question.name}.{slot}", text, question, slot, 10) for slot, text in parts]
        else:
            made.append(
                Column(question.name, question.title, question, width=40 if question.asks in ("text", "span") else 20)
            )
    return [*made, Column(CHECK, TITLES[CHECK][language], width=10)]


def name_of(header: str) -> str:
    """The name of a column from its first cell.

    >>> name_of("どちらの回答がよいですか（preference）"), name_of("preference"), name_of("番号(id)")
    ('preference', 'preference', 'id')
    """
    found = _NAME.search(unicodedata.normalize("NFKC", header))
    return found[1] if found else header.strip()


def shown(fields: Mapping[str, Any], name: str) -> str:
    """What a field of a record shows: a text, or a dialogue with who speaks where that is not the user alone."""
    value = fields.get(name, "")
    if isinstance(value, str):
        return value
    if [m["role"] for m in value] == ["user"]:
        return value[0]["content"]
    return "\n\n".join(f"【{_ROLES.get(m['role'], m['role'])}】\n{m['content']}" for m in value)


def cells_of(task: Task, values: Mapping[str, Any]) -> dict[str, str]:
    """An answer as cells, by name of the column; questions without a value are left out."""
    made: dict[str, str] = {}
    for question in task.questions:
        value = values.get(question.name)
        if value is None:
            continue
        if question.asks == "ranking":
            made |= {f"{question.name}.{one['value']}": str(one["rank"]) for one in value}
        else:
            made[question.name] = said(question, value)
    return made


def said(question: Question, value: Any) -> str:
    """A value in words."""
    labels = question.labels or {}
    if question.asks == "label":
        return labels.get(value, str(value))
    if question.asks == "labels":
        return " / ".join(labels.get(one, str(one)) for one in value)
    if question.asks == "ranking":
        return " ".join(f"{one['value'].upper()}{one['rank']}" for one in value)
    if question.asks == "span":
        return "\n".join(f"{labels.get(s['label'], s['label'])} {s['start']}–{s['end']}" for s in value)
    return str(value)


def value_of(question: Question, cells: Sequence[tuple[str, str]]) -> Any:
    """The value of a question from its cells, (part, text) each; None where all are empty. Raises CellError."""
    filled = [(part, text) for part, text in cells if text.strip()]
    if not filled:
        return None
    if question.asks == "ranking":
        if len(filled) < len(cells):
            lacking = ", ".join(part.upper() for part, text in cells if not text.strip())
            raise CellError("", f"1–{len(cells)} ({lacking})")
        return [{"value": part, "rank": _whole(text, range(1, len(cells) + 1))} for part, text in filled]
    text = filled[0][1]
    if question.asks == "text":
        return text
    if question.asks == "rating":
        return _whole(text, question.points)
    if question.asks == "labels":
        return list(dict.fromkeys(_choice(question, one) for one in _BETWEEN.split(text) if one.strip()))
    return _choice(question, text)


def _whole(text: str, points: Sequence[int]) -> int:
    folded = unicodedata.normalize("NFKC", text).strip().removesuffix(".0")
    if folded not in {str(point) for point in points}:
        raise CellError(text, ", ".join(map(str, points)))
    return int(folded)


def _choice(question: Question, text: str) -> str:
    labels = question.labels or {}
    by_text = {_folded(words): value for value, words in labels.items()} | {_folded(value): value for value in labels}
    if (value := by_text.get(_folded(text))) is None:
        raise CellError(text, " / ".join(labels.values()))
    return value


def _folded(text: str) -> str:
    """Width, case and white space make no other choice: Ａ が よい is Aがよい."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text)).casefold()
