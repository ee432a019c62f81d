"""One decision a row and question: every column of a set of decisions, explained once; written and read whole.

    DECISIONS/
      data/00000.parquet   a line a question of a row that somebody answered, sorted by source, task, row and question
      manifest.json        how it was settled, from what, how many by which method; last

The set is made anew from the label shards each time, and is the same whenever they and the policy are. Gold rows have no line. What
people could not tell (`cannot_tell`) is an outcome of its own, as 同じ (`same`) and どちらも悪い (`both_bad`) are.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal

import orjson
import pyarrow as pa

from annotation.errors import ReviewError
from annotation.label import RANK, SPAN
from curation.document import KEY, Column
from curation.parquet_file import read_parquet, write_parquet
from curation.place import Place

FORMAT = 1
MANIFEST, FILE = "manifest.json", "data/00000.parquet"

Method = Literal[
    "unanimous", "majority", "dawid_skene", "mace", "median", "single", "adjudicated", "undecided"
]  # fmt: skip
VOTE = pa.struct([("value", pa.string()), ("people", pa.int32())])

COLUMNS: dict[str, Column] = {
    c.name: c
    for c in [
        Column("source", pa.string(), "recipe and set that the row is of"),
        Column("task", pa.string(), "review task, its variants taken together"),
        Column("row", KEY, "the row: a generated answer, a pair, or a prompt whose answers are ranked"),
        Column("content", KEY, "hash of what was asked about: a row whose text is another by now has another"),
        Column("version", pa.string(), "version of the guidelines under which the answers that count were given"),
        Column("answers", pa.list_(KEY), "ids of the row's answers in its own order (of a pair: chosen, rejected)"),
        Column("document", KEY, "seed document; the row itself where it has none"),
        Column("harmful", pa.bool_(), "whether it is harmful content"),
        Column("question", pa.string(), "the question"),
        Column("kind", pa.string(), "label | labels | rating | ranking | span | text: which column holds the outcome"),
        Column(
            "outcome", pa.string(), "the choice; of a preference `a` is the row's first answer; null where undecided"
        ),
        Column("labels", pa.list_(pa.string()), "choices that hold, of a question with several"),
        Column("points", pa.float32(), "median of the points"),
        Column("ranks", pa.list_(RANK), "each answer's rank, 1 the best; equally good ones have one rank"),
        Column("spans", pa.list_(SPAN), "marked pieces of the answer that was shown"),
        Column("text", pa.large_string(), "the whole corrected answer, where it was to be corrected"),
        Column(
            "method",
            pa.string(),
            "unanimous | majority | dawid_skene | mace | median | single | adjudicated | undecided",
        ),
        Column("posterior", pa.float64(), "chance of the outcome by the annotators' habits; null where none was asked"),
        Column(
            "people", pa.int32(), "people whose answers decided: who could not tell has no vote beside one who could"
        ),
        Column("abstained", pa.int32(), "people who could not tell"),
        Column("wanted", pa.int32(), "people who were to answer the row"),
        Column("voters", pa.list_(pa.string()), "pseudonyms of all who answered"),
        Column("votes", pa.list_(VOTE), "of a choice: how many people said what, the most frequent first"),
        Column("disputed", pa.bool_(), "the row waits for somebody who settles it"),
        Column("adjudicator", pa.string(), "pseudonym of whoever settled it; null where nobody did"),
    ]
}
"""A line of a set of decisions."""

SCHEMA = pa.schema([pa.field(c.name, c.type, metadata={"meaning": c.meaning}) for c in COLUMNS.values()])


@dataclass(frozen=True)
class Decision:
    """A line; see `COLUMNS`. votes: how many people said what."""

    source: str
    task: str
    row: bytes
    content: bytes
    version: str
    answers: Sequence[bytes]
    document: bytes
    harmful: bool
    question: str
    kind: str
    outcome: str | None = None
    labels: Sequence[str] = field(default_factory=list[str])
    points: float | None = None
    ranks: Sequence[Mapping[str, Any]] = field(default_factory=list[Mapping[str, Any]])
    spans: Sequence[Mapping[str, Any]] = field(default_factory=list[Mapping[str, Any]])
    text: str | None = None
    method: str = "undecided"
    posterior: float | None = None
    people: int = 0
    abstained: int = 0
    wanted: int = 1
    voters: Sequence[str] = field(default_factory=list[str])
    votes: Mapping[str, int] = field(default_factory=dict[str, int])
    disputed: bool = False
    adjudicator: str | None = None

    @property
    def name(self) -> tuple[str, str, bytes]:
        """What it is about, whichever question: source, task, row."""
        return self.source, self.task, self.row

    def line(self) -> dict[str, Any]:
        """As the set holds it."""
        made = {one.name: getattr(self, one.name) for one in fields(self)}
        votes = sorted(self.votes.items(), key=lambda vote: (-vote[1], vote[0]))
        return made | {"votes": [{"value": value, "people": people} for value, people in votes]}


def write_decisions(url: str, decisions: Sequence[Decision], about: Mapping[str, Any]) -> dict[str, Any]:
    """Writes a set in place of the one that is there. about: how it was settled. Returns the manifest."""
    lines = [one.line() for one in decisions]
    place = Place(url)
    if place.exists() and (names := place.names()) and MANIFEST not in names and names != ["data"]:
        raise ReviewError(f"{url}: holds {names[0]} and is no set of decisions; give another folder")
    if place.exists(MANIFEST):
        place.fs.rm_file(f"{place.path}/{MANIFEST}")  # what has no manifest is not there: until the new one is whole
    file = write_parquet(place, FILE, pa.Table.from_pylist(lines, schema=SCHEMA), level=3)
    total = sum(int.from_bytes(hashlib.sha256(_canonical(line)).digest(), "little") for line in lines)
    manifest = {
        "format": FORMAT, "rows": len({one.name for one in decisions}), "lines": len(lines), "columns": list(COLUMNS),
        "methods": dict(sorted(Counter(one.method for one in decisions).items())),
        "disputed": len({one.name for one in decisions if one.disputed}), "content": f"{total % (1 << 256):064x}",
        "files": [file], **about,
    }  # fmt: skip
    place.write_json(MANIFEST, manifest)
    return manifest


def read_decisions(url: str) -> list[Decision]:
    """All lines of a set. Raises ReviewError where there is none, or its file is not what the manifest says."""
    place = Place(url)
    if not place.exists(MANIFEST):
        raise ReviewError(f"{url}: no {MANIFEST}, so these are no decisions; `seimai review resolve` makes them")
    try:
        said = place.read_json(MANIFEST)
        (stated,) = (file["sha256"] for file in said["files"])
        if said["format"] != FORMAT:
            raise ReviewError(f"{url}: format {said['format']}, this reads {FORMAT}; make them anew")
        found = hashlib.sha256(place.read_bytes(FILE)).hexdigest()
        if found != stated:
            raise ReviewError(
                f"{url}/{FILE}: SHA-256 is {found[:12]}…, the manifest says {stated[:12]}…; make them anew"
            )
        lines = read_parquet(place, FILE).cast(SCHEMA).to_pylist()
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowInvalid) as error:
        raise ReviewError(f"{url}: cannot be read ({error}); `seimai review resolve` makes it anew") from error
    votes = ({vote["value"]: vote["people"] for vote in line["votes"]} for line in lines)
    return [Decision(**line | {"votes": of}) for line, of in zip(lines, votes, strict=True)]


def _canonical(line: Mapping[str, Any]) -> bytes:
    return orjson.dumps(line, option=orjson.OPT_SORT_KEYS, default=lambda value: value.hex())
