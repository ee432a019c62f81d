"""Juries in the report: each judge with its verdicts, faults and leans, how far two of them agree, and what must be known.

Everything is read from the set's manifest; no text of an answer is shown.
"""

import math
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from curation.place import Place
from curation.shards import MANIFEST
from recipes.engine.report.svg import Drawing
from recipes.engine.run_folder import Run
from recipes.engine.wording import Words, function_words

VERDICTS: dict[str, Words] = {
    "win": Words("a の勝ち", "a wins"),
    "loss": Words("b の勝ち", "b wins"),
    "tie": Words("同じ", "tie"),
    "inconsistent": Words("順序で食い違う", "inconsistent"),
    "none": Words("判定なし", "none"),
}
"""Every verdict in words."""
LEANS: dict[str, Words] = {
    "position": Words("先に示された回答へ", "to the first place"),
    "length": Words("長い回答へ", "to the longer answer"),
    "own_family": Words("自分の系統の回答へ", "to its own family"),
}
"""Every lean in words."""
FAULTS: dict[str, Words] = {
    "scored": Words("採点した", "scored"),
    "no_scores": Words("点として読めない", "no scores"),
    "no_verdict": Words("判定として読めない", "no verdict"),
    "cut_off": Words("途中で切れた", "cut off"),
    "prompt_too_long": Words("長すぎて尋ねられない", "prompt too long"),
    "refused": Words("受け付けない", "refused"),
    "malformed_answer": Words("応答の形が崩れた", "malformed answer"),
    "deadline": Words("時間切れ", "deadline"),
    "server_error": Words("サーバーの誤り", "server error"),
}
"""Why a judge gave no choice in an order, or no scores, in words."""
CELL = 64


@dataclass(frozen=True)
class Judging:
    """One jury as the page shows it. judges: lines with leans in the order of `LEANS`; figure: agreement, None for one judge."""

    name: str
    manifest: Mapping[str, Any]
    judges: list[dict[str, Any]]
    figure: Drawing | None

    @property
    def title(self) -> Words:
        """What came of it, in a line."""
        rows, verdicts = self.manifest["rows_out"], self.manifest["jury"]["verdicts"]
        decided = sum(verdicts.get(v, 0) for v in ("win", "loss"))
        return Words(
            f"{len(self.judges)} 人の審査員が {rows:,} 件を比べ、{decided:,} 件で優劣がついた",
            f"{len(self.judges)} judges compared {rows:,} times and decided {decided:,} of them",
        )


def juries(run: Run) -> list[Judging]:
    """The run's juries; none where it has none, or they were deleted."""
    found: list[Judging] = []
    for one in run.about.get("judged", ()):
        place = Place(posixpath.join(run.place.url, one["url"]))
        if place.exists(MANIFEST):
            manifest = place.read_json(MANIFEST)
            judges = [_judge(judge, manifest) for judge in manifest["jury"]["judges"]]
            figure = draw_agreement(manifest) if len(judges) > 1 else None
            found.append(Judging(one["name"], manifest, judges, figure))
    return found


def _judge(judge: dict[str, Any], manifest: Mapping[str, Any]) -> dict[str, Any]:
    about = next(one for one in manifest["judges"] if one["judge"] == judge["judge"])
    verdicts = [{"words": VERDICTS[name], "count": n} for name, n in judge["verdicts"].items()]
    people = (manifest["people"] or {}).get("agreement", {}).get(judge["judge"])
    return judge | {
        "said": verdicts, "model": about["identity"]["model"], "demo": about["demo"], "people": people,
        "leans": [judge["leans"][kind] for kind in LEANS],
        "apart": [None if ratio is None else math.exp(ratio) for ratio in judge["inconsistent"]["log_length_ratio"]],
        "failed": _counted(judge["faults"]),
        "scores": _counted(manifest["scores"].get(judge["judge"], {})),
        "hard": [(function_words(name), share) for name, share in judge["inconsistent"]["by_function"].items()],
    }  # fmt: skip


def _counted(found: Mapping[str, int]) -> list[tuple[Words, int]]:
    return [(FAULTS.get(name, Words(name, name)), n) for name, n in found.items()]


def draw_agreement(manifest: Mapping[str, Any]) -> Drawing:
    """A cell for each two judges: the share of comparisons on which they say the same, the darker the more, and Cohen's κ."""
    names = [judge["judge"] for judge in manifest["jury"]["judges"]]
    left, top = 200, 40
    title = Words(
        "二人の審査員が同じ判定をした割合と κ", "share of comparisons on which two judges say the same, and κ"
    )
    drawing = Drawing(1000, top + CELL * len(names) + 10, title, "agreement")
    by = {tuple(sorted(one["judges"])): one for one in manifest["jury"]["agreement"]}
    for i, row in enumerate(names):
        y = top + CELL * i
        drawing.text(left - 14, y + CELL / 2 + 4, row[:24], "label", "end")
        drawing.text(left + CELL * (i + 0.5), top - 12, row[:8], "tick", "middle")
        for j, column in enumerate(names[:i]):
            found = by.get((row, column)) or by.get((column, row))
            if found is None or found["agreement"] is None:
                continue
            x = left + CELL * j
            drawing.add(
                "rect", x=x, y=y, width=CELL - 3, height=CELL - 3, class_="kept", fill_opacity=found["agreement"] / 2
            )
            drawing.text(x + CELL / 2, y + CELL / 2 - 2, f"{found['agreement']:.0%}", "label", "middle")
            if found["kappa"] is not None:
                drawing.text(x + CELL / 2, y + CELL / 2 + 16, f"κ {found['kappa']:.2f}", "tick", "middle")
    return drawing
