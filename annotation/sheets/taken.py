"""A sheet that was filled in, as answers in the label shards; what cannot be taken is listed, line by line, and changes nothing.

A line is an answer where a cell differs from what was written, or where it is marked as checked. One person has one answer about a
row: the same sheet again adds nothing, a changed one is an edit, and a change to what is frozen is kept as late. Answers of others
are never touched. A correction is refused where what it corrects was changed otherwise since.
"""

import hashlib
import hmac
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import orjson

from annotation.errors import ReviewError
from annotation.label import BY_SHEET
from annotation.labels import Labels, Row
from annotation.pull import event_of, mask_texts, typed
from annotation.record import in_own_order
from annotation.review_tasks import base, of_version
from annotation.sheets import file
from annotation.sheets.columns import ID, said
from annotation.sheets.conflict import Conflict
from annotation.sheets.line import Filled, Line, Refused, read_line, written_value
from annotation.sheets.unit import COLUMNS, Name, Unit, name_of, units
from curation.provenance import key
from curation.tombstones import annotator_key

PSEUDONYM = re.compile(r"r-[0-9a-f]{8}")
_NUMBER = re.compile(r"[\d.,]+(E\+?\d+)?", re.IGNORECASE)
_TAIL = 12
"""Characters of a line's id after the name of its sheet."""


@dataclass
class Taken:
    """What became of a sheet's lines. events: new lines of `answers/` by event; late: of these, to frozen answers.

    unchanged: no answer; there: answers that were taken before; absent: lines of its sheets that did not come back. ignored: columns
    of which nothing is known. masked: pieces of personal data.
    """

    annotator: str
    lines: int = 0
    events: Counter[str] = field(default_factory=Counter[str])
    late: int = 0
    masked: int = 0
    unchanged: int = 0
    there: int = 0
    absent: int = 0
    shift_jis: bool = False
    ignored: list[str] = field(default_factory=list[str])
    conflicts: list[Conflict] = field(default_factory=list[Conflict])


def pseudonym_of(labels: Labels, name: str) -> str:
    """A pseudonym as it is, or that of a name: a keyed hash, against which nobody can try names without the salt."""
    folded = unicodedata.normalize("NFKC", name).strip()
    if PSEUDONYM.fullmatch(folded):
        return folded
    if not folded:
        raise ReviewError("who filled in the sheet? give a name, or a pseudonym like r-3f2a9c1e")
    return "r-" + hmac.new(labels.salt.encode(), b"sheet:" + folded.encode(), hashlib.sha256).hexdigest()[:8]


def take(labels: Labels, path: Path, name: str) -> Taken:
    """Takes a sheet. Raises ReviewError for a file that cannot be read as a whole, or lacks columns."""
    found = file.read(path)
    with labels.writing():
        done = Taken(pseudonym_of(labels, name), len(found.lines), shift_jis=found.shift_jis)
        if labels.gone.holds("annotator", annotator_key(done.annotator)):
            raise ReviewError(f"{path}: {done.annotator} was to be forgotten, and no answer of theirs is taken")
        written = {row["line"]: row for row in labels.read("sheets").to_pylist()}
        if not written:
            raise ReviewError(
                f"{labels.folder}: no sheet was written from these label shards; `seimai review sheet` writes one"
            )
        known = list(_known(found, written, done))
        lines = _once(known, done)
        _check_columns(path, found, lines, done)
        shards = _Shards(labels)
        rows: list[Row] = []
        for line in lines:
            try:
                rows += shards.taken(line, done)
            except Refused as refused:
                done.conflicts += refused.conflicts
        done.conflicts.sort(key=lambda one: one.number)
        come, sheets = {line.of["line"] for line in known}, {line.of["sheet"] for line in known}
        done.absent = sum(of["sheet"] in sheets and id not in come for id, of in written.items())
        labels.append("answers", rows)
    return done


def _known(found: file.Found, written: Mapping[str, Row], done: Taken) -> Iterable[Line]:
    """The lines whose ids were written; the others are conflicts."""
    for number, cells in found.lines:
        given = cells.get(ID, file.Cell()).text.strip()
        sheet, _, tail = unicodedata.normalize("NFKC", given).strip("'").lower().partition("-")
        of = written.get(f"{sheet}-{tail.zfill(_TAIL)}")  # a tail that was split off and put back has lost its zeros
        if of is None:
            kind = "damaged_id" if _NUMBER.fullmatch(given) else "unknown_id"
            done.conflicts.append(Conflict(number, given, kind, found=given))
            continue
        task = of_version(of["task"], of["version"])
        if task is None:
            done.conflicts.append(Conflict(number, given, "older_version", found=of["version"], wanted="–"))
            continue
        yield Line(number, cells, of, *task, found.shift_jis)


def _once(lines: Iterable[Line], done: Taken) -> list[Line]:
    """Each id once: copies that say the same are one line, others are conflicts."""
    by_id: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        by_id[line.of["line"]].append(line)
    kept: list[Line] = []
    for first, *others in by_id.values():
        differing = [line for line in others if line.cells != first.cells]
        if differing:
            numbers = ", ".join(str(line.number) for line in differing)
            done.conflicts.append(first.refused("twice", found=numbers))
            done.conflicts += [line.refused("twice", found=str(first.number)) for line in differing]
        else:
            kept.append(first)
    return kept


def _check_columns(path: Path, found: file.Found, lines: Sequence[Line], done: Taken) -> None:
    wanted: dict[str, str] = {}
    kinds = {(line.of["task"], line.of["version"], line.of["shows_answers"]): line for line in lines}
    for line in kinds.values():
        wanted |= {column.name: column.header for column in line.columns}
    missing = [header for name, header in wanted.items() if name not in found.columns]
    if missing:
        raise ReviewError(
            f"{path}: the columns {', '.join(missing)} are missing; put them back as they were written (hide what you do not need)"
        )
    if lines:
        done.ignored = [name for name in found.columns if name and name not in wanted]


class _Shards:
    """The label shards as they are when a sheet is taken."""

    def __init__(self, labels: Labels):
        self.records = labels.records(COLUMNS)
        self.units, self.frozen = units(labels, self.records), labels.frozen()
        self.contents: dict[tuple[str, bytes], list[Name]] = defaultdict(list)
        for name, unit in self.units.items():
            if unit.records:
                self.contents[base(name[0]), name[2]].append(name)

    def taken(self, line: Line, done: Taken) -> list[Row]:
        """The new event of a line; none where it is no answer or was taken before. Raises Refused."""
        of = line.of
        record = self.records[of["dataset"], of["external_id"]]
        filled = read_line(line, orjson.loads(record["fields"]))
        if filled is None:
            done.unchanged += 1
            return []
        unit = self._live(line)
        response = "sheet-" + key("sheet", *name_of(of), done.annotator).hex()
        self._check_others(line, filled, unit, record, response, done.annotator)
        before = next((one for one in unit.latest if one["response"] == response), None)
        given = dict(filled.values)
        masked = mask_texts(line.task, given)
        values = in_own_order(line.task, given, record["order"])
        status = "skipped" if filled.skipped else "submitted"
        if before is not None and before["status"] == status and orjson.loads(before["values"]) == values:
            done.there += 1
            return []
        event, now = event_of(status, before["status"] if before is not None else None), datetime.now(UTC)
        assert event is not None  # a sheet gives no drafts
        late = response in self.frozen
        done.events[event] += 1
        done.late += late
        done.masked += masked
        return [
            {
                "response": response, "n": (before["n"] if before is not None else 0) + 1, "event": event, "reason": None,
                "status": status, "late": late, "mirrored": record["mirrored"], "annotator": done.annotator, "masked": masked,
                "found_version": of["version"], "edited_ui": False, "sheet": of["sheet"],
                "origin": "correction" if of["shows_answers"] else "sheet",
                "given": orjson.dumps(given).decode(), "values": orjson.dumps(values).decode(),
                "given_at": before["given_at"] if before is not None else now, "updated_at": now, "pulled_at": now,
                **{name: of[name] for name in ("external_id", "task", "version", "dataset", "source", "row", "content")},
                **typed(line.task, record, given, values),
            }
        ]  # fmt: skip

    def _live(self, line: Line) -> Unit:
        """The row as it is now. Raises Refused where it is not before people any more as the sheet shows it."""
        name = name_of(line.of)
        if (unit := self.units.get(name)) is not None and unit.records:
            return unit
        others = self.contents.get((base(name[0]), name[2]), ())
        same_text = [other for other in others if other[3] == name[3]]
        if same_text:
            raise Refused(line.refused("older_version", found=name[1], wanted=same_text[-1][1]))
        raise Refused(line.refused("row_changed" if others else "row_gone"))

    def _check_others(self, line: Line, filled: Filled, unit: Unit, record: Row, response: str, annotator: str) -> None:
        """Raises Refused where the person answered in Argilla, or where what is corrected was changed otherwise since."""
        for one in unit.latest:
            if one["annotator"] == annotator and one["origin"] not in BY_SHEET and one["status"] == "submitted":
                raise Refused(line.refused("own_answer", found=annotator))
        then = {state["response"]: state["n"] for state in line.of["states"]}
        now = {name: n for name, n in unit.states.items() if name != response}
        if not line.of["shows_answers"] or {n: s for n, s in then.items() if n != response} == now:
            return
        there = unit.most(line.task, record, but=response)
        wrong = []
        for question in line.task.questions:
            here, other = filled.values.get(question.name), there.get(question.name)
            if question.name in filled.changed and here != other and other != written_value(line, question):
                told = ["–" if v is None else said(question, v) for v in (here, other)]
                wrong.append(line.refused("changed_in_both", question.title, *told))
        if wrong:
            raise Refused(*wrong)
