"""Rows whose answer is known, mixed among those whose answer is not: how often does each annotator find it?

A gold row is a hard case that somebody settled before; an attention check is one that nobody who reads can miss. Both lie in the
datasets in which the task's other rows lie, look like these, and go to as many people: which they are is known to the label shards
alone. What is said of them tells how people do; it never counts as agreement, decides nothing and is released nowhere.

    - row: 0123456789abcdef0123456789abcdef     # one that was pushed, or
      prompt: 日本の首都はどこですか。                # a request (or messages) with an answer of one's own;
      texts: [大阪です。]                          # two of a pair, as many as are ranked
      expected: {verdict: bad, correctness: [1, 2]}   # what is right by question; a list names answers that all are
      kind: attention                           # gold where nothing is said

A file of these is YAML, or Parquet with columns of these names (`expected`, and messages in `prompt`, as JSON). Of a question with
several choices all that are named must be made; of a ranking (`order: {a: 1, b: 2}`) the answers named must stand in that order.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple

import orjson
import pyarrow as pa
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from annotation.client import Client
from annotation.errors import ReviewError
from annotation.items import Item
from annotation.labels import Labels
from annotation.push import Order, Pushed, Say, push
from annotation.questions import Question, Task
from annotation.record import Unfit, records_of
from annotation.review_tasks import COMPARED, SLOTS, base, task
from curation.parquet_file import ParquetFile
from curation.provenance import key
from curation.yaml_file import load_yaml


class GoldRow(BaseModel):
    """A row of a file of gold; see above."""

    model_config = ConfigDict(extra="forbid")

    row: str | None = Field(default=None, pattern="^[0-9a-f]{32}$")
    prompt: str | list[dict[str, Any]] | None = None
    texts: list[str] = Field(default_factory=list[str])
    expected: dict[str, Any] = Field(min_length=1)
    kind: Literal["gold", "attention"] = "gold"

    @model_validator(mode="after")
    def _one_of(self) -> "GoldRow":
        if (self.row is None) == (self.prompt is None and not self.texts):
            raise ValueError("a row is `row`, the id of one that was pushed, or `prompt` and `texts`")
        if self.row is None and (self.prompt is None or not self.texts):
            raise ValueError("`prompt` and `texts` belong together")
        return self

    def item(self, people: int) -> Item:
        """As it is put before people."""
        prompt = [{"role": "user", "content": self.prompt}] if isinstance(self.prompt, str) else self.prompt or []
        whole = orjson.dumps([prompt, self.texts], option=orjson.OPT_SORT_KEYS)
        answers = tuple(key("gold answer", whole, n) for n in range(len(self.texts)))
        of = key("gold", whole)
        return Item(of, of, prompt, "", tuple(self.texts), answers, {}, people=people, use=self.kind)


class Rate(NamedTuple):
    """How many of so many were answered rightly."""

    passed: int
    whole: int

    @property
    def share(self) -> float:
        """In [0, 1]; NaN of none."""
        return self.passed / self.whole if self.whole else float("nan")


@dataclass(frozen=True)
class Passed:
    """How one annotator does on gold rows and on attention checks."""

    gold: Rate
    attention: Rate


def read_gold(path: Path, of: Task) -> list[GoldRow]:
    """The rows of a file, held against what the task asks. Raises ReviewError: file, place, what was found, what would be right."""
    try:
        if path.suffix == ".parquet":
            said: Any = [
                {k: _json(v, k) for k, v in r.items() if v is not None} for r in ParquetFile(path).read().to_pylist()
            ]
        else:
            said = load_yaml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ReviewError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (yaml.YAMLError, pa.ArrowInvalid, UnicodeDecodeError) as error:
        raise ReviewError(f"{path}: is neither YAML nor Parquet: {' '.join(str(error).split())}") from error
    if not isinstance(said, list) or not said:
        raise ReviewError(f"{path}: holds no list of rows; each is `- {{prompt: …, texts: […], expected: {{…}}}}`")
    rows: list[GoldRow] = []
    for number, one in enumerate(said, 1):
        place = f"{path}, row {number}"
        try:
            rows.append(GoldRow.model_validate(one))
        except ValidationError as error:
            first = error.errors()[0]
            at = "".join(f".{part}" for part in first["loc"])
            raise ReviewError(f"{place}{at}: {first['msg'].removeprefix('Value error, ')}") from error
        _check(rows[-1], of, place)
    return rows


def _json(value: Any, column: str) -> Any:
    if column not in ("expected", "prompt") or not isinstance(value, str) or not value.lstrip().startswith(("{", "[")):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value


def _check(row: GoldRow, of: Task, place: str) -> None:
    cards = next((len(q.labels or ()) for q in of.questions if q.asks == "ranking"), 2)
    needed = cards if base(of.name) in COMPARED else 1
    if row.row is None and len(row.texts) != needed:
        raise ReviewError(f"{place}.texts: {len(row.texts)} texts; '{of.name}' shows {needed}")
    asked = {q.name: q for q in of.questions if q.asks not in ("text", "span")}
    for name, wanted in row.expected.items():
        if name not in asked:
            raise ReviewError(
                f"{place}.expected: '{of.name}' asks no '{name}' with answers to choose from; {', '.join(asked)}"
            )
        question = asked[name]
        if question.asks == "ranking":
            there = SLOTS[: len(question.labels or ())]
            ok = isinstance(wanted, dict) and len(wanted) > 1 and set(wanted) <= set(there)
            if not ok or len({int(rank) for rank in wanted.values() if isinstance(rank, int)}) < 2:
                raise ReviewError(
                    f"{place}.expected.{name}: {wanted!r} is no order; name ranks of some of {', '.join(there)}: {{a: 1, b: 2}}"
                )
            continue
        there = list(question.labels or question.points)
        for value in _several(wanted):
            if value not in there:
                raise ReviewError(
                    f"{place}.expected.{name}: {value!r} is no answer to '{name}'; answers are {', '.join(map(str, there))}"
                )


def mix(
    client: Client, labels: Labels, order: Order, rows: Sequence[GoldRow], name: str, say: Say = lambda _: None
) -> Pushed:
    """Declares rows, and puts those with texts of their own among the task's other rows; given again, it does the difference.

    order: its `source` is what the records' owners see. Raises ReviewError where nothing of the task's version was pushed, or a row
    that is named was not.
    """
    of = base(order.task.name)
    with labels.writing():
        people, contents = _pushed(labels, order.task)
        if not people:
            raise ReviewError(
                f"{labels.folder}: nothing of '{order.task.name}' {order.task.version} was pushed, among which gold could"
                " be mixed; `seimai review push` first"
            )
        items: list[Item] = []
        lines: list[dict[str, Any]] = []
        at, known = datetime.now(UTC), labels.gold()
        for number, row in enumerate(rows, 1):
            if row.row is not None:
                which = bytes.fromhex(row.row)
                if which not in contents:
                    raise ReviewError(f"{name}, row {number}: {row.row} is no row that was pushed for '{of}'")
                content = contents[which]
            else:
                item = row.item(1)
                item = row.item(people[int.from_bytes(key("people", labels.salt, item.row)[:8], "big") % len(people)])
                try:
                    content = records_of(order.task, item, order.source, labels.salt, order.language)[0].content
                except Unfit as error:
                    raise ReviewError(f"{name}, row {number}: cannot be shown ({error.reason}): {error}") from error
                items.append(item)
                which = item.row
            line = {"name": name, "task": of, "row": which, "content": content, "kind": row.kind}
            line["expected"] = orjson.dumps(
                row.expected, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS
            ).decode()
            before = known.get((of, which))
            if before is None or any(before[column] != value for column, value in line.items()):
                lines.append(line | {"at": at})
        labels.append("gold", lines)  # before anybody can answer: no answer to them ever counts
    return push(client, labels, order, items, say)


def _pushed(labels: Labels, of: Task) -> tuple[list[int], dict[bytes, bytes]]:
    """To how many people each of the task's other rows goes; the content of every row that was pushed for it."""
    people: dict[bytes, int] = {}
    contents: dict[bytes, bytes] = {}
    columns = ("task", "version", "row", "content", "people", "use")
    for record in labels.records(columns).values():
        if base(record["task"]) == base(of.name) and not record["withdrawn"]:
            contents[record["row"]] = record["content"]
            if record["task"] == of.name and record["version"] == of.version and record["use"] not in KINDS:
                people[record["row"]] = record["people"]
    return [count for _, count in sorted(people.items())], contents


KINDS = ("gold", "attention")


def pass_rates(labels: Labels) -> dict[str, Passed]:
    """How each annotator who met a gold row or an attention check does, by pseudonym."""
    found: dict[str, dict[str, list[bool]]] = defaultdict(lambda: {kind: [] for kind in KINDS})
    for who, kind, _, right in _judged(labels):
        found[who][kind].append(right)
    rates = {who: [Rate(sum(of[kind]), len(of[kind])) for kind in KINDS] for who, of in found.items()}
    return {who: Passed(*both) for who, both in sorted(rates.items())}


def doubtful(labels: Labels, least: int = 3) -> dict[tuple[str, bytes], Rate]:
    """Gold rows, by (file, row), that fewer than half of at least so many people answered rightly: perhaps they are wrong."""
    found: dict[tuple[str, bytes], list[bool]] = defaultdict(list)
    for _, _, name, right in _judged(labels):
        found[name].append(right)
    rates = {name: Rate(sum(said), len(said)) for name, said in sorted(found.items())}
    return {name: rate for name, rate in rates.items() if rate.whole >= least and rate.share < 0.5}


def _judged(labels: Labels) -> Iterator[tuple[str, str, tuple[str, bytes], bool]]:
    gold = labels.gold()
    for answer in labels.gold_answers():
        known = gold[base(answer["task"]), answer["row"]]
        right = passes(base(answer["task"]), orjson.loads(known["expected"]), orjson.loads(answer["values"]))
        yield answer["annotator"], known["kind"], (known["name"], answer["row"]), right


def passes(of: str, expected: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    """Whether an answer, in the row's own order, is right in everything that is expected.

    >>> passes("quality", {"verdict": ["bad", "fixable"], "correctness": 1}, {"verdict": "bad", "correctness": 2})
    False
    >>> said = [{"value": "a", "rank": 3}, {"value": "b", "rank": 1}, {"value": "c", "rank": 1}]
    >>> passes("ranking", {"order": {"b": 1, "a": 2}}, {"order": said})
    True
    """
    asked = {question.name: question for question in task(of, answers=len(SLOTS)).questions}
    return all(_right(asked[name], wanted, values.get(name)) for name, wanted in expected.items() if name in asked)


def _right(question: Question, wanted: Any, value: Any) -> bool:
    if question.asks == "labels":
        return set(_several(wanted)) <= set(value or ())
    if question.asks != "ranking":
        return value in _several(wanted)
    ranks = {one["value"]: one.get("rank") for one in value or ()}
    pairs = [(a, b) for a in wanted for b in wanted if wanted[a] < wanted[b]]
    return all(ranks.get(a) is not None and ranks.get(b) is not None and ranks[a] < ranks[b] for a, b in pairs)


def _several(wanted: Any) -> list[Any]:
    return wanted if isinstance(wanted, list) else [wanted]
