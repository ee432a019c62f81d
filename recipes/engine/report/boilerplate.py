"""Boilerplate lines in figures: how much of the text they are, what was done with them, which stand on most pages."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from curation.dedup.count_min import error_share, failure_probability
from curation.place import Place
from curation.shards import MANIFEST, Table
from recipes.engine.blocks import parameters, step_class
from recipes.engine.report.funnel import share_words
from recipes.engine.run_folder import Run
from recipes.engine.wording import Words

LISTED = 15
"""Heavy lines that are listed, those on most pages first."""


@dataclass(frozen=True)
class HeavyLine:
    """A line on very many pages of many hosts, as the survey's table has it."""

    pages: int
    hosts: int
    chars: int
    label: str
    """Hash of its normal form, 16 hexadecimal digits."""
    line: str


@dataclass
class Boilerplate:
    """What a `line_dedup` step of the run found and did."""

    stage: str
    step: str
    given: dict[str, Any]
    """Its parameters, defaults included."""
    met: dict[str, int] = field(default_factory=dict)
    """What the survey and the flow counted, by label; a count of 0 may be missing."""
    heavy: int = 0
    """Rows of the survey's table."""
    rejected: int = 0
    """Pages on which nothing else stood."""
    gone: bool = False
    """Whether the table was deleted since."""
    largest: list[HeavyLine] = field(default_factory=list)

    @property
    def share(self) -> float:
        """Share of the characters of all pages that are in heavy lines, before any was taken out."""
        return self.met.get("boilerplate_chars", 0) / max(1, self.met.get("chars", 0))

    @property
    def title(self) -> Words:
        """How much of the text is boilerplate."""
        if not self.heavy:
            return Words("定型文の行はなかった", "No line is boilerplate")
        share, pages = share_words(self.share), self.met.get("pages_with_boilerplate", 0)
        return Words(
            f"文字の {share} が定型文の行にあった（{pages:,} ページ）",
            f"{share} of all characters are in boilerplate lines ({_counted(pages, 'page')})",
        )

    @property
    def lead(self) -> Words:
        """What is called boilerplate here, and what became of it."""
        given = self.given
        pages, hosts, chars = (given[name] for name in ("min_pages", "min_hosts", "min_chars"))
        ja = f"{hosts:,} ホスト以上の {pages:,} ページ以上に同じ形で現れる {chars:,} 字以上の行は {self.heavy:,} 種類。"
        stand = "stands" if self.heavy == 1 else "stand"
        en = f"{_counted(self.heavy, 'line')} of at least {_counted(chars, 'character')} {stand} on at least "
        en += f"{pages:,} pages of at least {_counted(hosts, 'host')}. "
        if not self.heavy:
            return Words(ja, en)
        removed, k = self.met.get("lines_removed", 0), given["k"]
        if given["mode"] == "measure":
            return Words(ja + "数えただけで、本文は変えていない。", en + "They were measured; no text was changed.")
        if given["mode"] == "cap":
            ja += f"それぞれ上位 {k} ページにだけ残した。"
            en += f"Each stays on its {_counted(k, 'best-ranked page')}. "
        ja += f"{removed:,} 行を本文から除いた。"
        en += f"{removed:,} were taken out of the text."
        if self.rejected:
            ja += f"ほかに何も残らない {self.rejected:,} ページは除外した。"
            en += f" {_counted(self.rejected, 'page')} of nothing else {'was' if self.rejected == 1 else 'were'} rejected."
        return Words(ja, en)

    @property
    def search(self) -> Words:
        """What the sketch looked at and what its bound is in lines."""
        lines, again, copies = (self.met.get(name, 0) for name in ("lines", "recounted_lines", "copies"))
        width, depth = self.given["width"], self.given["depth"]
        bound, failing = lines * error_share(width), f"{100 * failure_probability(depth):.2g} %"
        off = f"{bound:,.1f}" if bound >= 1 else f"{bound:.2g}"
        least = self.given["min_pages"]
        ja = f"count-min sketch（{depth} × {width:,}）で {lines:,} 行を数え、{least:,} に届き得る {again:,} 種類を正確に数え直した。"
        ja += f"スケッチは少なく数えることがなく、{off} を超えて多く数える確率は {failing} 以下。"
        ja += f"ほかのページの写し {copies:,} ページは重ねて数えていない。"
        en = f"A count-min sketch ({depth} × {width:,}) counted {lines:,} lines; the {again:,} that might reach {least:,} were "
        en += f"recounted exactly. A sketch never counts too few, and too many by more than {off} with probability {failing} "
        en += f"at most. Copies of other pages ({copies:,}) were not counted again."
        return Words(ja, en)


def _counted(n: int, name: str) -> str:
    return f"{n:,} {name}{'' if n == 1 else 's'}"


def boilerplate(run: Run) -> list[Boilerplate]:
    """What each `line_dedup` step of the run's chain found, in the order in which they ran."""
    found = []
    known = {n: d for n, (_, d) in parameters(step_class("line_dedup", "report")).items() if d is not ...}
    for stage, step in run.steps("line_dedup"):
        label = step["step"]
        one = Boilerplate(stage, label, known | step["with"])
        for block in run.about["blocks"]:
            if block["stage"] != stage or (block["kind"] == "survey" and block["name"] != f"{stage}.{label}"):
                continue
            for counts in run.manifest(block).get("steps", ()):
                if counts["step"] == label:
                    one.met |= {name: round(n) for name, n in counts.items() if name not in ("step", "rows", "kept")}
            one.rejected += block["rejected"].get("only_boilerplate", 0)
            if block["kind"] == "survey":
                _largest(one, f"{run.url(block)}/heavy_lines")
        found.append(one)
    return found


def _largest(one: Boilerplate, url: str) -> None:
    if not Place(url).exists(MANIFEST):
        one.gone = True
        return
    table = Table(url)
    one.heavy = table.manifest["rows"]
    best: list[tuple[int, int, HeavyLine]] = []
    for partition in range(table.manifest["partitions"]):
        part = table.read(partition)
        order = np.argsort(-part.column("pages").to_numpy(), kind="stable")[:LISTED]
        for row in part.take(pa.array(order)).to_pylist():
            key = row["line_hash"]
            line = HeavyLine(row["pages"], row["hosts"], row["chars"], f"{key:016x}", row["line"])
            best.append((-row["pages"], key, line))
        best = sorted(best)[:LISTED]
    one.largest = [line for *_, line in best]
