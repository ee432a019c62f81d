"""What the public report knows of a run: counted over every released row, from columns that hold no text.

Only counts, host names and dates are taken from rows; sets, models and sources are those that manifests and the recipe name. Paths of
this machine's disks are no sources that anybody else could look up: they are counted, not named.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from recipes.engine.report.benchmarks import Benchmarks
from recipes.engine.report.findings import language_words
from recipes.engine.report.personal_data import PersonalData
from recipes.engine.report.public.model_facts import Generated, Model, generations, models
from recipes.engine.report.public.rights_facts import Later, Licences, OptOuts, later, licences, opt_outs
from recipes.engine.run_folder import Run
from recipes.engine.wording import Words

_COLUMNS = (
    "source",
    "date",
    "host",
    "chars",
    "tokens",
    "language",
    "repeat",
    "licence",
    "licence_link",
    "licence_found",
)
_COLUMNS += ("opt_out", "x_robots_tag", "robots_meta")
_COMMON_CRAWL = re.compile(r"CC-MAIN-\d{4}-\d{2}(?!\d)")


@dataclass(frozen=True)
class HostSize:
    """A host by the size of what was released of it."""

    name: str
    pages: int
    chars: int


@dataclass(frozen=True)
class SourceFact:
    """A source: what it is, where it is from as far as others can look it up, its rights, and its released rows."""

    name: str
    kind: str
    files: int
    size: int
    places: tuple[str, ...]
    crawls: tuple[str, ...]
    rights_basis: str | None
    licence: str | None
    rows: int

    @property
    def what(self) -> Words:
        """The source in words."""
        words = {
            "warc": Words("クロール（WARC/WET）", "crawl (WARC/WET)"),
            "ranges": Words("クロール（索引で選んだ範囲）", "crawl (ranges chosen by its index)"),
        }
        return words.get(self.kind, Words(f"表（{self.kind}）", f"tables ({self.kind})"))

    @property
    def origin(self) -> Words | None:
        """Where it is from; null for files of a disk that say nothing of it."""
        said = [f"Common Crawl {crawl}" for crawl in self.crawls] + list(self.places)
        return Words("、".join(said), ", ".join(said)) if said else None


@dataclass
class Facts:
    """Everything that the report says, as figures."""

    rows_in: int
    pages: int
    chars: int | None
    tokens: int | None
    hosts: list[HostSize]
    hostless: int
    languages: list[tuple[Words, int]]
    months: list[tuple[str, int]]
    first: str | None
    last: str | None
    undated: int
    sources: list[SourceFact]
    licences: Licences
    opt_outs: OptOuts
    later: Later
    personal: list[PersonalData]
    benchmarks: list[Benchmarks]
    models: list[Model]
    generated: list[Generated]
    word_lists: list[str]
    blocked: dict[str, int]
    duplicates: int
    most_shown: int | None
    purpose: str | None
    model_name: str | None
    content: str | None
    verify: str = field(default="seimai verify RUN")

    @property
    def masked(self) -> int:
        """Pieces of personal data that were masked."""
        return sum(t.pieces for one in self.personal for t in one.types)

    @property
    def token_range(self) -> tuple[float, float] | None:
        """Tokens at least and at most: as counted, or as the characters suggest (1.5 to 2.2 a token); null where neither is known."""
        if self.tokens is not None:
            return float(self.tokens), float(self.tokens)
        return None if self.chars is None else (self.chars / 2.2, self.chars / 1.5)


class _Sums:
    """Sums over the released rows."""

    def __init__(self) -> None:
        self.pages = 0
        self.chars: int | None = None
        self.tokens: int | None = None
        self.most_shown: int | None = None
        self.by: dict[str, Counter[str]] = {
            name: Counter() for name in ("source", "language", "licence", "licence_link", "licence_found", "opt_out")
        }
        self.signals: dict[str, Counter[str]] = {"x_robots_tag": Counter(), "robots_meta": Counter()}
        self.months: Counter[str] = Counter()
        self.span: tuple[int, int] | None = None
        self.undated = 0
        self.hosts: dict[str, list[int]] = {}

    def add(self, batch: pa.RecordBatch) -> None:
        """Takes a batch of narrow columns."""
        names = batch.schema.names
        self.pages += batch.num_rows
        sizes = (
            batch.column("chars").fill_null(0).to_numpy() if "chars" in names else np.zeros(batch.num_rows, np.int64)
        )
        if "chars" in names:
            self.chars = (self.chars or 0) + int(sizes.sum())
        if "tokens" in names and batch.column("tokens").null_count < batch.num_rows:
            self.tokens = (self.tokens or 0) + int(pc.sum(batch.column("tokens")).as_py())
        if "repeat" in names and batch.num_rows:
            self.most_shown = max(self.most_shown or 0, pc.max(batch.column("repeat")).as_py() or 0)
        for name, counter in {**self.by, **self.signals}.items():
            if name in names:
                for entry in pc.value_counts(batch.column(name)).to_pylist():
                    counter[entry["values"] or ""] += entry["counts"]
            elif name == "licence":
                counter[""] += batch.num_rows
        if "host" in names:
            self._hosts(batch.column("host"), sizes)
        self._dates(batch.column("date") if "date" in names else pa.nulls(batch.num_rows, pa.timestamp("s", "UTC")))

    def _hosts(self, hosts: pa.Array, sizes: np.ndarray) -> None:
        encoded = hosts.fill_null("").dictionary_encode()
        at = encoded.indices.to_numpy()
        pages = np.bincount(at, minlength=len(encoded.dictionary))
        chars = np.bincount(at, weights=sizes, minlength=len(encoded.dictionary))
        for name, n, size in zip(encoded.dictionary.to_pylist(), pages.tolist(), chars.tolist(), strict=True):
            held = self.hosts.setdefault(name, [0, 0])
            held[0] += n
            held[1] += int(size)

    def _dates(self, dates: pa.Array) -> None:
        self.undated += dates.null_count
        known = dates.drop_null().cast(pa.timestamp("s", "UTC"), safe=False)  # shards hold milliseconds
        if len(known):
            low, high = (pc.min_max(known.cast(pa.int64()))[end].as_py() for end in ("min", "max"))
            self.span = (low, high) if self.span is None else (min(low, self.span[0]), max(high, self.span[1]))
            for entry in pc.value_counts(pc.strftime(known, "%Y-%m")).to_pylist():
                self.months[entry["values"]] += entry["counts"]


def gathered(run: Run, personal: list[PersonalData], held: list[Benchmarks]) -> Facts:
    """The facts of a run. Raises ShardError when its release is gone."""
    sums, shards = _Sums(), run.release
    wanted = [name for name in _COLUMNS if name in shards.columns]
    for batch in shards.read(wanted):
        sums.add(batch)
    hostless = sums.hosts.pop("", [0, 0])[0]
    hosts = sorted((HostSize(n, p, c) for n, (p, c) in sums.hosts.items()), key=lambda h: (-h.chars, -h.pages, h.name))
    gone = Counter[str]()
    for block in run.chain:
        gone.update(block["rejected"])
    target = (run.recipe.get("release") or {}).get("target") or {}
    return Facts(
        rows_in=run.rows_in,
        pages=sums.pages,
        chars=sums.chars,
        tokens=sums.tokens,
        hosts=hosts,
        hostless=hostless,
        languages=[
            (language_words(c) if c else Words("判定できない", "undetermined"), n)
            for c, n in sums.by["language"].most_common()
        ],
        months=sorted(sums.months.items()),
        first=_day(sums.span[0]) if sums.span else None,
        last=_day(sums.span[1]) if sums.span else None,
        undated=sums.undated,
        sources=[_source(run, name, said, sums.by["source"][name]) for name, said in run.about["sources"].items()],
        licences=licences(sums.by, sums.pages),
        opt_outs=opt_outs(run, sums.by["opt_out"], sums.signals, gone),
        later=later(run, gone),
        personal=personal,
        benchmarks=held,
        models=models(run),
        generated=generations(run),
        word_lists=sorted({name for _, step in run.steps("ng_words") for name in step["with"].get("lists", ())}),
        blocked={name: gone[name] for name in ("url_blocked", "ng_words") if gone[name]},
        duplicates=gone["near_duplicate"] + gone["over_cap"] + gone["duplicate_id"],
        most_shown=sums.most_shown,
        purpose=run.recipe.get("purpose") or target.get("purpose"),
        model_name=target.get("model_name"),
        content=run.manifest(run.chain[-1]).get("content"),
    )


def _source(run: Run, name: str, said: dict[str, Any], rows: int) -> SourceFact:
    spec = (run.recipe.get("sources") or {}).get(name) or {}
    patterns = list(spec.get("files") or [])
    bases = [step.get("base") for step in _fetches(run.recipe)] if said.get("kind") == "ranges" else []
    places = sorted(
        {_public(p) for p in [*patterns, *bases] if p and "://" in p and not p.startswith(("file:", "local:"))}
    )
    files = said.get("files") or []
    crawls = sorted({m[0] for text in [*(f["file"] for f in files), *patterns] for m in _COMMON_CRAWL.finditer(text)})
    return SourceFact(
        name,
        said.get("kind") or "?",
        len(files),
        sum(f["size"] for f in files),
        tuple(places),
        tuple(crawls),
        said.get("rights_basis"),
        said.get("licence"),
        rows,
    )


def _fetches(recipe: dict[str, Any]) -> Iterable[dict[str, Any]]:
    for stage in recipe.get("stages") or ():
        for step in stage.get("steps") or ():
            if isinstance(step, dict) and (step.get("name") == "fetch" or "fetch" in step):
                yield step.get("with_") or step.get("fetch") or {}


def _public(url: str) -> str:
    """A URL without what may be a secret in it: user, password, query.

    >>> _public("https://me:secret@data.example.jp/crawl/*.warc.gz?key=1")
    'https://data.example.jp/crawl/*.warc.gz'
    """
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path.partition('?')[0]}"


def _day(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")
