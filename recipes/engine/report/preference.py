"""Preference pairs in the report: what each strategy gave, length and form before and after balancing, and pairs side by side.

Everything is read from the set's manifest; texts are shown only with `--samples`, five pairs of each strategy, with what the
verifiers found in the rejected answer and the place marked where the two differ.
"""

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from markupsafe import Markup, escape

from curation.place import Place
from curation.shards import MANIFEST
from recipes.engine.pairs.summary import evidence, examples, judged, longer
from recipes.engine.report.svg import Drawing, clipped_words
from recipes.engine.run_folder import Run
from recipes.engine.wording import Words, function_words, origin_words
from synth.messages import text_of, told
from synth.preference import DROPPED, STRATEGY_NAMES
from synth.verify.evidence_ja import named

SHOWN = 5
"""Pairs of a strategy that are shown whole."""
WHOLE = 0.7
"""Share of both texts from which a difference is no place in them: then what verifiers found is marked."""
ROLES: dict[str, Words] = {
    "system": Words("システム", "system"),
    "user": Words("利用者", "user"),
    "assistant": Words("アシスタント", "assistant"),
    "tool": Words("ツール", "tool"),
}
"""Who says a turn, in words."""
BAND = (0.48, 0.52)
"""Shares of longer chosen answers between which length tells nothing."""


@dataclass(frozen=True)
class Paired:
    """One set of pairs as the page shows it."""

    name: str
    manifest: Mapping[str, Any]
    strategies: list[dict[str, Any]]
    strata: list[dict[str, Any]]
    figure: Drawing | None
    samples: list[dict[str, Any]]

    @property
    def title(self) -> Words:
        """What came of it, in a line."""
        pairs, strategies = self.manifest["yields"]["pairs"], [s for s in self.strategies if s["pairs"]]
        found = [s for s in self.strata if s["after"] is not None]
        inside = sum(BAND[0] <= s["after"] <= BAND[1] for s in found)
        return Words(
            f"{len(strategies)} 通りの作り方で {pairs:,} 組。長さが好みを語らない層は、{len(found)} 層のうち {inside} 層",
            f"{pairs:,} pairs made in {len(strategies)} ways; in {inside} of {len(found)} strata length tells nothing",
        )


def paired(run: Run, samples: bool) -> list[Paired]:
    """The run's sets of pairs; none where it has none, or they were deleted."""
    found: list[Paired] = []
    for one in run.about.get("pairs", ()):
        place = Place(posixpath.join(run.place.url, one["url"]))
        if place.exists(MANIFEST):
            manifest = place.read_json(MANIFEST)
            strata = _strata(manifest)
            shown = _samples(place, manifest) if samples else []
            figure = draw_lengths(strata) if strata else None
            found.append(Paired(one["name"], manifest, _strategies(manifest), strata, figure, shown))
    return found


def _strategies(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A line a strategy, with its most frequent reasons and constraints in words."""
    lines: list[dict[str, Any]] = []
    for line in manifest["yields"]["strategies"]:
        en, ja = STRATEGY_NAMES[line["strategy"]]
        reasons = [
            {"words": Words(DROPPED[r][1], DROPPED[r][0]) if r in DROPPED else Words(r, r), "rows": n}
            for r, n in list(line["dropped"].items())[:3]
        ]
        share = longer(manifest["balance"]["after"], line["strategy"])
        whose = [(origin_words(said), n) for said, n in line["origins"].items()]
        lines.append(line | {"words": Words(ja, en), "reasons": reasons, "longer": share, "whose": whose})
    return lines


def _strata(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A line a stratum that has candidates: shares of longer chosen answers before and after, and areas where there are enough."""
    after = {(s["strategy"], s["function"]): s for s in manifest["balance"]["after"]}
    lines: list[dict[str, Any]] = []
    for before in manifest["balance"]["before"]:
        now = after.get((before["strategy"], before["function"]))
        lines.append(
            {
                "words": _stratum(before["strategy"], before["function"]), "candidates": before["pairs"],
                "before": before["longer_chosen"], "pairs": 0 if now is None else now["pairs"],
                "after": None if now is None else now["longer_chosen"],
                **{what: None if now is None else now[what] for what in ("length_auc", "format_auc")},
            }
        )  # fmt: skip
    return lines


def _stratum(strategy: str, function: str) -> Words:
    ja, en = function_words(function)
    return Words(f"{STRATEGY_NAMES[strategy][1]} × {ja}", f"{strategy} × {en}")


def draw_lengths(strata: list[dict[str, Any]]) -> Drawing:
    """The share of pairs whose chosen answer is the longer one: a line a stratum, from before balancing to after it."""
    left, right, top, step = 300, 940, 34, 24
    height = top + step * len(strata) + 34
    title = Words(
        "選択した回答のほうが長い組の割合（釣り合わせる前と後）",
        "share of longer chosen answers, before and after balancing",
    )
    drawing = Drawing(1000, height, title, "lengths")

    def x(share: float) -> float:
        return left + (right - left) * share

    bottom = top + step * len(strata)
    drawing.bar(x(BAND[0]), top - 6, x(BAND[1]) - x(BAND[0]), bottom - top + 6, "zone")
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        drawing.line(x(share), top - 6, x(share), bottom, "grid")
        drawing.text(x(share), bottom + 18, f"{share:.0%}", "tick", "middle")
    drawing.text(x(0.0), 14, Words("却下のほうが長い", "rejected longer"), "tick")
    drawing.text(x(1.0), 14, Words("選択のほうが長い", "chosen longer"), "tick", "end")
    for i, s in enumerate(strata):
        y = top + step * i + step / 2
        drawing.text(left - 14, y + 4, clipped_words(s["words"], 24), "label", "end")
        if s["after"] is not None:
            drawing.line(x(s["before"]), y, x(s["after"]), y, "axis")
        drawing.add("circle", cx=x(s["before"]), cy=y, r=4.5, class_="other")
        if s["after"] is not None:
            drawing.add("circle", cx=x(s["after"]), cy=y, r=5, class_="kept")
            drawing.text(right + 14, y + 4, f"{s['pairs']:,}", "tick")
    return drawing


def _samples(place: Place, manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Pairs of every strategy, whole, with marks where they differ and what the verifiers found."""
    groups: dict[str, list[dict[str, Any]]] = {}
    wanted = SHOWN * len(manifest["yields"]["strategies"])
    for row in examples(place, manifest, 4 * wanted):
        groups.setdefault(row["strategy"], []).append(row)
    shown: list[dict[str, Any]] = []
    for strategy, rows in sorted(groups.items()):
        en, ja = STRATEGY_NAMES[strategy]
        shown.append(
            {"words": Words(ja, en), "strategy": strategy, "rows": [_side_by_side(row) for row in rows[:SHOWN]]}
        )
    return shown


def _side_by_side(row: Mapping[str, Any]) -> dict[str, Any]:
    chosen, rejected = (text_of(orjson.loads(row[side])[-1]) for side in ("chosen", "rejected"))
    span = row["span"] if _small(row["span"], chosen, rejected) else None
    marks = (
        [(span["rejected_start"], span["rejected_end"])] if span else _places(row["rejected_verifications"], rejected)
    )
    return {
        "function": function_words(row["function"]),
        "broken": Words("、".join(map(named, row["broken"])), ", ".join(row["broken"])),
        "prompt": [
            (ROLES.get(turn["role"], Words(turn["role"], turn["role"])), turn["content"])
            for turn in told(row["prompt"])
        ],
        "chosen": marked(chosen, [(span["chosen_start"], span["chosen_end"])] if span else []),
        "rejected": marked(rejected, marks),
        "origins": origin_words(f"{row['chosen_origin']} > {row['rejected_origin']}"),
        "evidence": [*evidence(row["rejected_verifications"]), *judged(row)],
    }


def _small(span: Mapping[str, int] | None, chosen: str, rejected: str) -> bool:
    """Whether a difference is a place in the texts and not the whole of them: marks all over show nothing."""
    if span is None:
        return False
    sides = (("chosen", chosen), ("rejected", rejected))
    shares = [(span[f"{name}_end"] - span[f"{name}_start"]) / max(1, len(text)) for name, text in sides]
    return min(shares) <= WHOLE


def _places(verifications: list[dict[str, Any]], text: str) -> list[tuple[int, int]]:
    """Places that failing verifiers name, or where what they found stands in the text.

    >>> said = '[{"what": "declines", "found": "できません", "wanted": "answer", "start": -1, "end": -1}]'
    >>> _places([{"verdict": "fail", "evidence": said}], "お答えできません。")
    [(3, 8)]
    """
    found: list[tuple[int, int]] = []
    for one in (e for v in verifications if v["verdict"] == "fail" for e in orjson.loads(v["evidence"])):
        said = one["found"]
        if 0 <= one["start"] < one["end"]:
            found.append((one["start"], one["end"]))
        elif isinstance(said, str) and len(said) > 1 and (at := text.find(said)) >= 0:
            found.append((at, at + len(said)))
    return found


def marked(text: str, places: list[tuple[int, int]]) -> Markup:
    """A text, escaped, with places marked; places that overlap one before them are left out.

    >>> marked("米を<研ぐ>", [(2, 3)])
    Markup('米を<mark>&lt;</mark>研ぐ&gt;')
    """
    made, at = Markup(""), 0
    for start, end in sorted(places):
        if at <= start < end <= len(text):
            made += escape(text[at:start]) + Markup("<mark>{}</mark>").format(text[start:end])
            at = end
    return made + escape(text[at:])
