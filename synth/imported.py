"""Instruction sets from outside: the rows of a file as messages, and what the policy says of where they come from.

A set has an `origin` that the policy lists under `data`; without one it is denied. Read are Parquet and JSON lines (plain, .gz, .zst)
in the forms that such sets have: `messages` (role, content; also as JSON text), `conversations` (from, value), `instruction` with
`input` and `output`, or the columns that the recipe names. A row of another form says why: it is counted and kept, never guessed at.

    origin      of the policy's list `data`: licence, status, obligations, upstream; purposes, where it is for some alone
    written_by  human | model | mixed, where the entry says it
    reviewed    by whom and when its answers were read, where the entry says so: only then do answers train that no verifier passed
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from curation.extract.inputs import KINDS, open_window
from curation.extract.json_lines import Broken, read_lines
from curation.parquet_file import ParquetFile
from synth.models import Policy, Ruling
from synth.obligations import PolicyError, Purpose, read_obligations

MOST_BYTES = 16 << 20
"""Longest line of a set that is read, in bytes, as the longest record of a source."""
ROLES: Mapping[str, str] = {
    "system": "system", "developer": "system", "user": "user", "human": "user", "assistant": "assistant", "gpt": "assistant",
    "model": "assistant", "chatbot": "assistant", "bot": "assistant", "tool": "tool", "function": "tool", "observation": "tool",
    "function_response": "tool",
}  # fmt: skip
"""What sets call the speakers, as the OpenAI API calls them."""
FORMS = "messages, conversations, or instruction with output"
PARTS = ("messages", "system", "prompt", "input", "answer")
"""What a recipe's `columns` may name: the column of turns, or those of system prompt, prompt, input and answer."""
_KEPT = ("tool_calls", "tool_call_id", "name")
_ALPACA = {"prompt": "instruction", "input": "input", "answer": "output", "system": "system"}


class FormError(ValueError):
    """A row that is of no known form, or a file that is no set: the message says what was found."""


@dataclass(frozen=True)
class Origin:
    """A set's origin as the policy lists it.

    ruling: its status, and what it and its licence oblige to. written_by: human, model, mixed, or None where the entry does not say.
    reviewed: who read its answers and when, "" for nobody.
    """

    name: str
    licence: str
    ruling: Ruling
    written_by: str | None = None
    reviewed: str = ""

    @property
    def answer_origin(self) -> str:
        """What rows say of who wrote the answer: `human` where the policy says so, else `imported`."""
        return "human" if self.written_by == "human" else "imported"


@dataclass(frozen=True)
class ImportedRow:
    """A row of a set: its number in the file from 1 (the line of JSON lines), and its messages, or why it has none (`problem`).

    values: what it says in the columns that checks look at.
    """

    number: int
    messages: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    tools: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    values: dict[str, Any] = field(default_factory=dict[str, Any])
    problem: str = ""


def origin_of(name: str | None, policy: Policy, purpose: Purpose, where: str) -> Origin:
    """A set's declared origin. Raises PolicyError where there is none, or it is not listed, denied, or for other purposes.

    To the entry's own obligations come those of its licence by the policy's list of documents, but for kinds that the entry states.
    """
    if not name:
        raise PolicyError(
            f"{where}: declares no `origin`; name the data set as {policy.where} lists it under data, or add an entry for it"
        )
    ruling = policy.of_data(name)
    if ruling.status == "deny":
        raise PolicyError(f"{where}: {ruling.reasons[0]}")
    entry = policy.data[name]
    licence = str(entry["licence"])
    known = policy.documents.get(licence)
    if known is not None and known["kind"] == "denied":
        raise PolicyError(f"{where}: data {name}: its licence {licence}: {known.get('reason', 'denied by the policy')}")
    allowed = entry.get("purposes")
    if allowed is not None and purpose not in allowed:
        raise PolicyError(f"{where}: data {name} is for {', '.join(allowed)} alone, and the release is for {purpose}")
    if known is not None:
        own = {o.kind for o in ruling.obligations}
        said = read_obligations(known.get("obligations", ()), f"{licence}: {name}", f"{policy.where}, {licence}")
        more = frozenset(o for o in said if o.kind not in own)
        ruling |= Ruling("conditional" if more else "allow", (), more)
    read = entry.get("answers_reviewed") or {}
    reviewed = f"{read['by']}, {read['date']}" if read else ""
    return Origin(name, licence, ruling, entry.get("written_by"), reviewed)


def kind_of(path: Path) -> Literal["parquet", "jsonl"]:
    """The kind of a set's file by its name. Raises FormError for another one."""
    name = path.name.lower().removesuffix(".gz").removesuffix(".zst")
    if path.name.lower().endswith(KINDS["parquet"]):
        return "parquet"
    if name.endswith(KINDS["jsonl"]):
        return "jsonl"
    raise FormError(f"{path}: an instruction set is a .parquet or .jsonl file (.jsonl.gz, .jsonl.zst)")


def check_file(path: Path, columns: Mapping[str, str], values: tuple[str, ...] = ()) -> None:
    """Whether a file is what its name says and its rows may be read, by its schema or its first line. Raises FormError."""
    if not path.is_file():
        raise FormError(f"{path}: there is no such file")
    if kind_of(path) == "parquet":
        try:
            about = pq.read_metadata(path)
        except (pa.ArrowException, OSError) as error:
            raise FormError(f"{path}: is no Parquet file: {error}") from error
        if not about.num_rows:
            raise FormError(f"{path}: holds no row")
        names = about.schema.to_arrow_schema().names
    else:
        with open_window(str(path)) as window:
            found = next(((n, line) for n, line in read_lines(window, path.name, MOST_BYTES) if line), None)
        if found is None:
            raise FormError(f"{path}: holds no row")
        number, line = found
        try:
            first = orjson.loads(line) if isinstance(line, bytes) else None
        except orjson.JSONDecodeError:
            first = None
        if not isinstance(first, dict):
            said = line.said if isinstance(line, Broken) else repr(line[:40].decode("utf-8", "replace"))
            raise FormError(f"{path}: is no JSON lines, one object a line: line {number + 1} is {said}")
        names = list(first)
        values = ()  # what one line lacks another one may have
    if missing := [n for n in (*columns.values(), *values) if n not in names]:
        raise FormError(f"{path}: has no column '{missing[0]}'; its columns: {', '.join(names)}")
    if not columns and not ({"messages", "conversations"} & set(names) or {"instruction", "output"} <= set(names)):
        raise FormError(
            f"{path}: has neither {FORMS}; its columns: {', '.join(names)}. Say `columns: {{prompt: NAME, answer: NAME}}`"
        )


def read_set(path: Path, columns: Mapping[str, str], values: tuple[str, ...] = ()) -> Iterator[ImportedRow]:
    """Rows of a set's file in order, those of no known form too. Blank lines are none.

    columns: of a set without turns, which column is what (`PARTS`). values: columns whose values are kept. Raises FormError for
    a file that breaks off.
    """
    for number, row in _parquet(path) if kind_of(path) == "parquet" else _lines(path):
        if isinstance(row, str):
            yield ImportedRow(number, problem=row)
            continue
        try:
            kept = {name: row.get(name) for name in values}
            yield ImportedRow(number, _messages(row, columns), _tools(row.get("tools")), kept)
        except FormError as error:
            yield ImportedRow(number, problem=str(error))


def _parquet(path: Path) -> Iterator[tuple[int, dict[str, Any] | str]]:
    number = 0
    try:
        for batch in ParquetFile(path).iter_batches():
            try:
                rows: list[Any] = batch.to_pylist()
            except UnicodeDecodeError:  # one row's bytes are no matter of the others
                rows = [_alone(batch.slice(i, 1)) for i in range(len(batch))]
            for row in rows:
                number += 1
                yield number, row
    except (pa.ArrowException, OSError) as error:
        raise FormError(f"{path}: cannot be read after row {number:,}: {error}") from error


def _alone(row: pa.RecordBatch) -> dict[str, Any] | str:
    try:
        return row.to_pylist()[0]
    except UnicodeDecodeError:
        return "holds text that is no UTF-8"


def _lines(path: Path) -> Iterator[tuple[int, dict[str, Any] | str]]:
    with open_window(str(path)) as window:
        for number, line in read_lines(window, path.name, MOST_BYTES):
            if isinstance(line, Broken):
                if line.size is None:
                    raise FormError(f"{path}: line {number + 1:,}: {line.said}")
                yield number + 1, f"is longer than {MOST_BYTES:,} bytes ({line.size:,})"
            elif line:
                try:
                    row = orjson.loads(line)
                except orjson.JSONDecodeError as error:
                    yield number + 1, f"is no JSON: {error}"
                    continue
                yield number + 1, row if isinstance(row, dict) else "is no JSON object"


def _messages(row: Mapping[str, Any], columns: Mapping[str, str]) -> list[dict[str, Any]]:
    """A row's messages: roles that are known, texts that are there, an answer at the end. Raises FormError."""
    usual = row.get("messages") if row.get("messages") is not None else row.get("conversations")
    said = row.get(columns["messages"]) if "messages" in columns else usual
    if "messages" in columns or (not columns and said is not None):
        if isinstance(said, str):
            try:
                said = orjson.loads(said)
            except orjson.JSONDecodeError as error:
                raise FormError(f"its messages are no JSON: {error}") from error
        if not isinstance(said, list) or not said:
            raise FormError("its messages are no list of turns")
        messages = [_turn(turn, i) for i, turn in enumerate(said)]
    else:
        messages = _columns(row, columns or _ALPACA)
    spoken = [m["role"] for m in messages if m["role"] != "system"]
    if not spoken or spoken[0] != "user":
        raise FormError("its first turn is not the user's")
    if spoken[-1] != "assistant":
        raise FormError(f"it ends with the {spoken[-1]}'s turn, not with an answer")
    if "tool_calls" in messages[-1]:
        raise FormError("it ends with a call, not with an answer in words")
    return messages


def _columns(row: Mapping[str, Any], columns: Mapping[str, str]) -> list[dict[str, Any]]:
    texts: dict[str, str] = {}
    for part, name in columns.items():
        value = row.get(name)
        if value is not None and not isinstance(value, str):
            raise FormError(f"its column '{name}' holds no text")
        texts[part] = value or ""
    for part in ("prompt", "answer"):
        if not texts.get(part, "").strip():
            raise FormError(f"has no text in '{columns[part]}': neither {FORMS}")
    asked = "\n\n".join(filter(None, (texts["prompt"], texts.get("input"))))
    system = [{"role": "system", "content": texts["system"]}] if texts.get("system", "").strip() else []
    return [*system, {"role": "user", "content": asked}, {"role": "assistant", "content": texts["answer"]}]


def _turn(turn: Any, place: int) -> dict[str, Any]:
    """One message. What Arrow filled in (null for a key that the turn has not) is no part of it."""
    if not isinstance(turn, dict):
        raise FormError(f"turn {place} is no object")
    said, content = turn.get("role", turn.get("from")), turn.get("content", turn.get("value"))
    role = ROLES.get(said) if isinstance(said, str) else None
    if role is None:
        raise FormError(f"turn {place} has the role {said!r}; known are {', '.join(dict.fromkeys(ROLES))}")
    if isinstance(content, list) and all(isinstance(p, dict) and p.get("type") == "text" for p in content):
        content = "".join(str(p.get("text") or "") for p in content)
    more = {name: turn[name] for name in _KEPT if turn.get(name)}
    calls = role == "assistant" and "tool_calls" in more
    if content is None and calls:
        content = ""
    if not isinstance(content, str):
        raise FormError(f"turn {place} ({role}) holds no text")
    if not content.strip() and role in ("user", "assistant") and not calls:
        raise FormError(f"turn {place} ({role}) is empty")
    try:
        orjson.dumps([content, more])
    except (orjson.JSONEncodeError, TypeError) as error:
        raise FormError(f"turn {place} ({role}) cannot be written as JSON: {error}") from error
    return {"role": role, "content": content, **more}


def _tools(said: Any) -> list[dict[str, Any]]:
    if isinstance(said, str):
        try:
            said = orjson.loads(said)
        except orjson.JSONDecodeError as error:
            raise FormError(f"its tools are no JSON: {error}") from error
    if said is None:
        return []
    if not isinstance(said, list) or not all(isinstance(one, dict) for one in said):
        raise FormError("its tools are no list of schemas")
    return said
