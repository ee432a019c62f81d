"""The project's wordings as a review task: lines nobody has read go to annotators, what they decide comes back into the files.

One line is one record: its text, where it is used, what the audit says of it. Its external id is the line's id and a hash of the
text, so a line that was changed since is another record, and an answer to the old text is never written on the new one. Annotators
see neither what others decided nor who wrote a line.

What comes back: 使える marks the line as reviewed, by a pseudonym and the day of the answer; 直す puts the corrected text in its
place, where the slots are the same and the audit finds nothing new; 使わない, different answers of two people, and what cannot be
taken are listed and leave the line a draft.
"""

import hashlib
import os
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from annotation.client import Client, Json
from annotation.datasets import check_unedited, opened, versions
from annotation.errors import ReviewError
from annotation.people import pseudonym
from annotation.questions import Field, Question, Task
from annotation.record import sent_fields
from synth.wording_audit import Fault
from synth.wording_edit import Reviewed, edited
from synth.wordings import Line, Wordings, read_text, wordings_of

TASK = Task(
    name="wordings",
    fields=(
        Field("text", "文面"),
        Field("place", "使われる場所"),
        Field("note", "自動検査の指摘", required=False),
    ),
    questions=(
        Question(
            "decision",
            "この文面は使えますか",
            "直せば使えるときは「直す」を選び、下に直した文面の全体を書いてください。",
            required=True,
            labels={"use": "使える", "fix": "直す", "drop": "使わない"},
        ),
        Question(
            "corrected", "修正文", "「直す」を選んだときだけ、文面の全体を書いてください。{ } の欄は残してください。"
        ),
        Question("reason", "理由", "「使わない」を選んだときは、理由を一言書いてください。"),
    ),
    metadata={"file": "file", "part": "part", "line": "line"},
)

CHECKS = {
    "duplicate": "重複",
    "style": "文体",
    "notation": "表記",
    "half_width": "半角",
    "slot": "差し込み欄",
    "counter": "数え方",
    "translationese": "翻訳調",
}
SPLITS = {"train": "学習用", "test": "評価用"}


Audit = Callable[[Sequence[Wordings]], Sequence[Fault]]
"""Faults of some files (`synth.wording_audit.audit_wordings`, with what fills their slots)."""


@dataclass
class Outcome:
    """What a push or a pull did: lines by what became of them. A list holds sentences that name the line."""

    dataset: str = ""
    pushed: int = 0
    waiting: int = 0
    withdrawn: int = 0
    reviewed: list[str] = field(default_factory=list)
    corrected: list[str] = field(default_factory=list)
    unwanted: list[str] = field(default_factory=list)
    not_taken: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Source:
    """A file of wordings as it was read."""

    path: Path
    text: str
    wordings: Wordings


def sources(paths: Sequence[Path]) -> list[Source]:
    """Reads files. Raises WordingError, and ReviewError for two files of one name, whose lines would have one id."""
    found: dict[str, Source] = {}
    for path in paths:
        text = read_text(path)
        if path.stem in found:
            raise ReviewError(f"{path} and {found[path.stem].path} have one name: their lines could not be told apart")
        found[path.stem] = Source(path, text, wordings_of(text, path))
    return list(found.values())


def external_id(line: Line) -> str:
    """The record's name: the line's id and what of the text's hash tells versions apart."""
    return f"{line.id}#{hashlib.sha256(line.text.encode()).hexdigest()[:12]}"


def push(client: Client, workspace: str, files: Sequence[Source], audit: Audit) -> Outcome:
    """Brings the dataset to the files' drafts: new lines are added, unanswered records of lines that changed are withdrawn."""
    dataset = opened(client, TASK, workspace)
    check_unedited(client, TASK.dataset, dataset)
    notes: dict[str, list[str]] = defaultdict(list)
    for fault in audit([file.wordings for file in files]):
        notes[fault.place].append(_note(fault))
    drafts = [line for file in files for line in file.wordings.lines if line.state == "draft"]
    wanted = {external_id(line): _record(line, notes[line.id]) for line in drafts}
    groups = {file.wordings.group for file in files}
    known: set[str] = set()
    withdrawn: list[str] = []
    for record in client.records(dataset, include=("responses",)):
        name = record["external_id"]
        if record.get("responses"):
            known.add(name)
        elif name not in wanted and name.partition("/")[0] in groups:
            withdrawn.append(record["id"])
        elif name in wanted and record["fields"] == wanted[name]["fields"]:
            known.add(name)
    client.delete(dataset, withdrawn)
    gone = len(withdrawn) + sum(
        _withdrawn(client, older, groups)
        for name, older in versions(client, TASK, workspace).items()
        if older != dataset
    )
    new = [record for name, record in wanted.items() if name not in known]
    client.push(dataset, new)
    return Outcome(TASK.dataset, pushed=len(new), waiting=len(wanted), withdrawn=gone)


def _withdrawn(client: Client, dataset: str, groups: set[str]) -> int:
    """Takes what nobody has answered out of a dataset of earlier guidelines: it is asked by the new ones."""
    records = client.records(dataset, include=("responses",))
    asked = [r for r in records if r["external_id"].partition("/")[0] in groups]
    unanswered = [record["id"] for record in asked if not record.get("responses")]
    client.delete(dataset, unanswered)
    return len(unanswered)


def _record(line: Line, notes: Sequence[str]) -> Json:
    slots = "、".join(f"{{{slot}}}" for slot in sorted(line.slots)) or "なし"
    place = f"課題 {line.group}／部分 {line.part}／{SPLITS[line.split]}\n差し込み欄：{slots}"
    # an empty field is refused in some ways and shown in none: it is left out
    fields = {"text": line.text, "place": place, **({"note": "\n".join(notes)} if notes else {})}
    return {
        "external_id": external_id(line),
        "fields": sent_fields(TASK, fields),
        "metadata": {"file": line.group, "part": line.part, "line": line.name},
    }


def _note(fault: Fault) -> str:
    """A fault in Japanese, as far as it is made of set phrases.

    >>> _note(Fault("g/ask.1", "duplicate", "says the same as g/ask.2", "one of them, or other words"))
    '重複：g/ask.2 と同じ内容です'
    >>> _note(Fault("g/ask.1", "style", "常体: 訳せ。", "敬体, like the rest"))
    '文体：常体: 訳せ。 → ほかの行に合わせて敬体'
    """
    name = CHECKS[fault.check]
    if other := re.fullmatch(r"says the same as (.+)", fault.found):
        return f"{name}：{other[1]} と同じ内容です"
    right = re.sub(r"(.+), like the rest", r"ほかの行に合わせて\1", fault.right)
    right = re.sub(r"(.+) \((.+), (\d+) times in all\)", r"\1（全体では\3回）", right)
    right = re.sub(r"(.+) is counted in (.+)", r"「\1」の数え方は\2", right)
    return f"{name}：{fault.found} → {right}"


def pull(client: Client, workspace: str, files: Sequence[Source], audit: Audit) -> Outcome:
    """Writes what annotators decided into the files.

    Raises ReviewError where a dataset's questions were changed in the UI, or a file cannot be written; files that were written
    before it stay written.
    """
    outcome = Outcome()
    lines = {external_id(line): line for file in files for line in file.wordings.lines}
    groups = {file.wordings.group for file in files}
    given: dict[str, list[Json]] = defaultdict(list)
    for name, dataset in versions(client, TASK, workspace).items():
        check_unedited(client, name, dataset)
        for record in client.records(dataset, include=("responses",)):
            submitted = [r for r in record.get("responses") or () if r["status"] == "submitted"]
            if submitted and record["external_id"].partition("/")[0] in groups:
                given[record["external_id"]] += submitted
    reviews: dict[str, Reviewed] = {}
    for name, answers in sorted(given.items()):
        line = lines.get(name)
        if line is None:
            outcome.not_taken.append(f"{name.partition('#')[0]}: the line was changed or removed since it was pushed")
        elif line.state == "draft" and (review := _decided(line, answers, outcome)) is not None:
            reviews[line.id] = review
    reviews = _without_new_faults(files, reviews, audit, outcome)
    for file in files:
        _write(file, {line.name: reviews[line.id] for line in file.wordings.lines if line.id in reviews})
    for name, review in reviews.items():
        (outcome.corrected if review.text is not None else outcome.reviewed).append(name)
    return outcome


def _decided(line: Line, answers: Sequence[Json], outcome: Outcome) -> Reviewed | None:
    """What one or several people's answers make of a line; None where it stays a draft, which the outcome says."""
    decisions = {(_value(a, "decision"), _corrected(a)) for a in answers}
    if len(decisions) > 1:
        said = "、".join(sorted(TASK.questions[0].labels[_value(a, "decision")] for a in answers))  # type: ignore[index]
        outcome.not_taken.append(f"{line.id}: {len(answers)} people decided differently ({said})")
        return None
    ((decision, text),) = decisions
    if decision == "drop":
        reasons = " / ".join(filter(None, (_value(a, "reason").strip() for a in answers)))
        outcome.unwanted.append(f"{line.id}: {reasons or 'no reason given'}")
        return None
    if decision == "fix" and not text:
        outcome.not_taken.append(f"{line.id}: 直す without a corrected text")
        return None
    last = max(answers, key=lambda a: a["updated_at"])
    review = Reviewed(f"{pseudonym(last['user_id'])}, {last['updated_at'][:10]}")
    if decision == "use" or text == line.text:
        return review
    if (slots := replace(line, text=text).slots) != line.slots:
        both = " / ".join(", ".join(f"{{{s}}}" for s in sorted(found)) or "none" for found in (slots, line.slots))
        outcome.not_taken.append(f"{line.id}: the corrected text has other slots than the line ({both})")
        return None
    return replace(review, text=text)


def _value(answer: Json, question: str) -> str:
    return ((answer.get("values") or {}).get(question) or {}).get("value") or ""


def _corrected(answer: Json) -> str:
    if _value(answer, "decision") != "fix":
        return ""
    return _value(answer, "corrected").replace("\r\n", "\n").strip()


def _without_new_faults(
    files: Sequence[Source], reviews: dict[str, Reviewed], audit: Audit, outcome: Outcome
) -> dict[str, Reviewed]:
    """Leaves out corrections in which the audit finds what it did not find before."""
    if not any(review.text is not None for review in reviews.values()):
        return reviews
    before = {(f.place, f.check) for f in audit([file.wordings for file in files])}
    while True:
        changed = [_with(file.wordings, reviews) for file in files]
        new = [f for f in audit(changed) if (f.place, f.check) not in before]
        refused = {f.place: f for f in new if f.place in reviews and reviews[f.place].text is not None}
        if not refused:
            return reviews
        for place, fault in refused.items():
            outcome.not_taken.append(f"{place}: the audit finds in the corrected text: {fault}")
        reviews = {name: review for name, review in reviews.items() if name not in refused}


def _with(wordings: Wordings, reviews: Mapping[str, Reviewed]) -> Wordings:
    texts = {name: review.text for name, review in reviews.items() if review.text is not None}
    return Wordings(wordings.group, [replace(line, text=texts.get(line.id, line.text)) for line in wordings.lines])


def _write(file: Source, reviews: Mapping[str, Reviewed]) -> None:
    if not reviews:
        return
    if read_text(file.path) != file.text:
        raise ReviewError(f"{file.path}: was changed while answers were read; the same command takes them again")
    content = edited(file.text, file.path, reviews)
    unfinished = file.path.with_name(f".{file.path.name}.{os.getpid()}")
    try:
        with unfinished.open("x", encoding="utf-8", newline="") as out:
            out.write(content)
        unfinished.chmod(file.path.stat().st_mode & 0o7777)
        unfinished.replace(file.path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise ReviewError(f"{file.path}: cannot be written ({error.strerror})") from error
