"""A row as records of Argilla, and an annotator's places as the row's own order again.

Answers that stand side by side are put in an order that is drawn by hash of the row and the salt of the label shards: it is the same
for all annotators, tells nothing, and is known to us alone. A row that several people compare is two records, one the mirror image
of the other, in the workspaces of two groups (`people.py`). A record's external id is a keyed hash of task, row, what is asked about,
and the order: another text is another record, and nobody can tell from an id which row it is of or which records mirror each other.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import orjson

from annotation.items import Item, Json, shown
from annotation.people import ALL, GROUPS, HARMFUL, HARMFUL_GROUPS
from annotation.questions import Task
from annotation.review_tasks import COMPARED, SLOTS, Language, base, warning
from curation.normalise.pii.mask import mask
from curation.provenance import key

LONGEST = 20_000
"""Characters of one message or answer (the server's limit of a message, MAX_MESSAGE_LENGTH)."""
MOST_MESSAGES = 500
"""Messages of a dialogue (the server's limit)."""
LONGEST_RECORD = 200_000
"""Characters of all that one record shows: more is no task for a person."""


class Unfit(ValueError):
    """A row that cannot be put before people; `reason` is empty_field, too_long, same_text or unreadable."""

    def __init__(self, reason: str, why: str):
        super().__init__(why)
        self.reason = reason


@dataclass(frozen=True)
class ReviewRecord:
    """One record. needed: submitted answers that it needs; order, mirrored, content, masked: see annotation/label.py."""

    item: Item
    external_id: str
    workspace: str
    needed: int
    order: tuple[int, ...]
    mirrored: bool
    content: bytes
    fields: Json
    metadata: dict[str, str]
    masked: int


def records_of(task: Task, item: Item, source: str, salt: str, language: Language = "ja") -> list[ReviewRecord]:
    """The records of a row: one, or two that mirror each other where several people compare. Raises Unfit."""
    compared = base(task.name) in COMPARED
    fields, texts, masked = _texts(item, harmful=item.harmful, language=language)
    content = _content(fields, texts)
    _check(fields, texts)
    order = tuple(range(len(texts)))
    if compared:
        order = tuple(sorted(order, key=lambda i: key("order", salt, item.row, i)))
    both = [(order, False)]
    if compared and item.people > 1:
        both.append((order[::-1], True))
    spaces = _spaces(item, len(both), salt)
    made: list[ReviewRecord] = []
    for (places, mirrored), (workspace, needed) in zip(both, spaces, strict=True):
        slots = SLOTS if compared else ("answer",)
        put = {slot: texts[i] for slot, i in zip(slots, places, strict=False)}
        said = {"source": source, **item.about, "stratum": item.stratum}
        said |= {"mirrored": "yes" if mirrored else "no"} if compared else {}
        name = external_id(salt, task.name, item.row, content, places)
        made.append(ReviewRecord(item, name, workspace, needed, places, mirrored, content, fields | put, said, masked))
    return made


def contents(item: Item) -> set[bytes]:
    """Every `content` under which people may have been asked about the item: with a warning or without, in either language."""
    languages: tuple[Language, ...] = ("ja", "en")
    shown_as = (_texts(item, harmful=one, language=said) for one in (False, True) for said in languages)
    return {_content(fields, texts) for fields, texts, _ in shown_as}


def _content(fields: Json, texts: list[str]) -> bytes:
    return key("review", orjson.dumps([fields, texts], option=orjson.OPT_SORT_KEYS))


def external_id(salt: str, task: str, row: bytes, content: bytes, order: Sequence[int]) -> str:
    """A record's name: HMAC-SHA256 of what it is, by the salt; 32 hexadecimal digits."""
    what = key(task, row, content, bytes(order))
    return hmac.new(salt.encode(), what, hashlib.sha256).hexdigest()[:32]


def _spaces(item: Item, records: int, salt: str) -> list[tuple[str, int]]:
    """Workspace and needed answers of each record. Which group sees the mirror image is drawn for each row."""
    alone, groups = (HARMFUL, HARMFUL_GROUPS) if item.harmful else (ALL, GROUPS)
    if records == 1:
        return [(alone, item.people)]
    halves = [(groups[0], (item.people + 1) // 2), (groups[1], item.people // 2)]
    return halves[::-1] if key("group", salt, item.row)[0] & 1 else halves


def _texts(item: Item, *, harmful: bool, language: Language) -> tuple[Json, list[str], int]:
    """What is shown, personal data masked: fields beside the answers, the answers, and how many pieces were masked."""
    count = 0

    def clean(text: str) -> str:
        nonlocal count
        out, found = mask(text)
        count += sum(found.values())
        return out

    prompt = [{"role": m["role"][:20], "content": clean(shown(m))} for m in item.prompt]
    fields: Json = {"warning": warning(language)} if harmful else {}
    fields["prompt"] = [m for m in prompt if m["content"].strip()]
    if item.tools:
        fields["tools"] = item.tools
    texts = [clean(text) for text in item.texts]
    return fields, texts, count


def _check(fields: Mapping[str, Any], texts: Sequence[str]) -> None:
    messages = [m["content"] for m in fields["prompt"]]
    if not messages:
        raise Unfit("empty_field", "there is no request before the answer")
    for number, text in enumerate(texts, 1):
        if not text.strip():
            raise Unfit("empty_field", f"answer {number} is empty")
    longest = max(map(len, (*(escape(m, quote=False) for m in messages), *texts)))
    if longest > LONGEST or len(messages) > MOST_MESSAGES:
        found = f"{len(messages)} messages" if len(messages) > MOST_MESSAGES else f"a text of {longest:,} characters"
        raise Unfit("too_long", f"{found}; at most {MOST_MESSAGES} messages of {LONGEST:,} characters can be shown")
    whole = sum(map(len, (*messages, *texts, fields.get("tools", ""))))
    if whole > LONGEST_RECORD:
        raise Unfit("too_long", f"{whole:,} characters in all; at most {LONGEST_RECORD:,} can be shown")
    if len(texts) > 1 and len(set(texts)) < len(texts):
        raise Unfit("same_text", "two of its answers are the same as they are shown")


def sent_fields(task: Task, fields: Json) -> Json:
    """Fields as they are sent: Argilla 2.8.0 puts texts and messages into the page as HTML unless they are Markdown.

    A tag would be obeyed there and not shown, in messages and where spans are marked scripts too. Markdown is cleaned. The page
    counts a character beyond the BMP as two and the server as one, which refuses spans that seem to end behind the text: such a
    text is followed by as many spaces, which nobody sees.
    """
    marked = {q.field for q in task.questions if q.asks == "span"}
    fields = fields | {name: fields[name] + " " * sum(c > "\uffff" for c in fields[name]) for name in marked}
    if task.markdown:
        return fields

    def literal(value: Any) -> Any:
        if isinstance(value, str):
            return escape(value, quote=False)
        return [{**message, "content": literal(message["content"])} for message in value]

    return {name: literal(value) for name, value in fields.items()}


def in_code_points(spans: Sequence[Mapping[str, Any]], text: str) -> list[Json]:
    """Marked spans by code points of the text that was shown: the page counts UTF-16 units.

    >>> in_code_points([{"label": "fact", "start": 2, "end": 4}], "😀東京")
    [{'label': 'fact', 'start': 1, 'end': 3}]
    """
    raw = text.encode("utf-16-le", "surrogatepass")

    def point(unit: int) -> int:
        return len(raw[: 2 * unit].decode("utf-16-le", "ignore"))

    return [{**span, "start": point(span["start"]), "end": point(span["end"])} for span in spans]


def in_own_order(task: Task, values: Mapping[str, Any], order: Sequence[int]) -> Json:
    """Values that an annotator gave, by question, in the row's own order: `a` of a comparison is the row's first answer.

    Choices that are not places (同じ, どちらも悪い, …) stay what they are, ranks go with their answers, and what the task does not
    ask, after an edit in the UI, is left as it is.
    """
    if base(task.name) not in COMPARED:
        return dict(values)
    own = {SLOTS[place]: SLOTS[answer] for place, answer in enumerate(order)}
    made: Json = {}
    for name, value in values.items():
        question = next((q for q in task.questions if q.name == name), None)
        if question is not None and question.asks == "ranking" and isinstance(value, list):
            moved = [{**one, "value": own.get(one["value"], one["value"])} for one in value]
            made[name] = sorted(moved, key=lambda one: one["value"])
        elif question is not None and question.name == "preference":
            made[name] = own.get(value, value)
        else:
            made[name] = value
    return made
