"""What became of the candidates of each strategy, and what the owner of a recipe must know of a set of pairs."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from recipes.engine.pairs.making import Made
from synth.pairing.narrow import ORIGINS
from synth.preference import DROPPED, STRATEGY_NAMES

SHOWN = 5
"""Templates that are named."""


def yields(made: Made) -> dict[str, Any]:
    """Counts by strategy, with candidates = pairs + all that were dropped, by function, origin, constraint and template."""
    pool, pairs = made.pool, made.pairs
    kinds = pool.words["kind"].names
    functions, templates = pool.words["function"].names, pool.words["template"].names
    lines: list[dict[str, Any]] = []
    for strategy, said in made.plan.spec.strategies.wanted.items():
        mine = pairs.filter(pairs["strategy"] == strategy)
        gone = [(reason, n) for (name, reason), n in made.drops.items() if name == strategy and n]
        dropped = dict(sorted(gone, key=lambda one: (-one[1], one[0])))
        single = mine.filter(mine["fails"] == 1)
        origins = Counter(
            f"{ORIGINS[a]} > {ORIGINS[b]}"
            for a, b in zip(mine["origin"].to_list(), mine["r_origin"].to_list(), strict=True)
        )
        lines.append(
            {
                "strategy": strategy, "wanted": said.pairs, "candidates": made.candidates[strategy], "pairs": len(mine),
                "dropped": dropped, "origins": dict(sorted(origins.items())),
                "functions": _named(mine["function"].to_list(), functions),
                "constraints": _named(single["kind"].to_list(), kinds),
                "over": int((single["limit"] == 1).sum()), "under": int((single["limit"] == -1).sum()),
            }
        )  # fmt: skip
    by_template = _named(pairs["template"].to_list(), templates)
    without = by_template.pop("", 0)
    most = [
        {"template": t, "pairs": n, "share": round(n / len(pairs), 4)} for t, n in list(by_template.items())[:SHOWN]
    ]
    origins = Counter(ORIGINS[o] for name in ("origin", "r_origin") for o in pairs[name].to_list())
    return {
        "pairs": len(pairs),
        "strategies": lines,
        "functions": len(set(pairs["function"].to_list())),
        "origins": {o: origins[o] for o in ORIGINS},
        "templates": {"count": len(by_template), "most": most, "without": without},
    }


def _named(codes: list[int], names: list[str]) -> dict[str, int]:
    return {names[code]: n for code, n in Counter(codes).most_common()}


def notes(made: Made, said: dict[str, Any]) -> list[dict[str, str]]:
    """What is to be known besides the counts, in both languages: a side without answers, strategies without material."""
    answers, found = made.answers, list[dict[str, str]]()

    def note(en: str, ja: str) -> None:
        found.append({"en": en, "ja": ja})

    passing, failing = int(answers["chosen"].sum()), int(answers["rejected"].sum())
    if not passing:
        note(
            "no answer passed its verifiers, so nothing can be chosen: there are no pairs, and every label is false",
            "検証に合格した回答が一つもないため、選択できるものがない。組はなく、ラベルはすべて false になる",
        )
    elif not failing:
        note(
            "no answer failed its verifiers: strategies that reject a failing answer have no material",
            "検証に落ちた回答が一つもない。落ちた回答を却下の側に使う作り方には材料がない",
        )
    for line in said["strategies"]:
        name, (_, called) = line["strategy"], STRATEGY_NAMES[line["strategy"]]
        if not line["candidates"]:
            en, ja = _WHY[name]
            note(f"{name}: no material, {en}", f"{called}：材料がない。{ja}")
        elif line["pairs"] < line["wanted"] - 1:  # a couple would have been one too many
            reasons = list(line["dropped"].items())[:3]
            gone = ", ".join(f"{reason} {n:,}" for reason, n in reasons) or "no more candidates"
            lost = "、".join(f"{DROPPED[reason][1]} {n:,}" for reason, n in reasons) or "ほかに候補がない"
            counts = f"{line['pairs']:,} of {line['wanted']:,} pairs, from {line['candidates']:,} candidates"
            note(
                f"{name}: {counts} ({gone})",
                f"{called}：{line['wanted']:,} 組のうち {line['pairs']:,} 組、候補は {line['candidates']:,}（{lost}）",
            )
    if (people := made.calibration) and (out := people["below"] + people["without_curve"]):
        note(
            f"jury: {out:,} of {people['decisions']:,} decisions make no pair: people agree with {people['below']:,} too seldom "
            f"(calibration, at least {people['at_least']:.0%}), and the functions of {people['without_curve']:,} have no curve",
            f"審査団の判定 {people['decisions']:,} 件のうち {out:,} 件は組にしない。人と一致する見込みが "
            f"{people['at_least']:.0%} に届かないものが {people['below']:,} 件、"
            f"較正曲線のない機能のものが {people['without_curve']:,} 件",
        )
    if made.unsaid:
        note(
            f"jury: {made.unsaid:,} decisions follow from other comparisons alone: no judge chose their winner in both orders. "
            "They make no pair",
            f"審査団の判定のうち {made.unsaid:,} 件は、ほかの比較から導かれただけである。"
            "二つの順序とも同じ勝者を選んだ審査員がいないため、組にしない",
        )
    if stale := made.edits.get("stale"):
        note(
            f"{stale:,} answers were not edited: a verifier no longer says that they pass",
            f"{stale:,} 件の回答は編集していない。今の検証器では合格しない",
        )
    cap, count = made.plan.spec.caps.per_template, answers["template"].filter(answers["chosen"]).n_unique()
    if passing and not said["pairs"] and cap * count < 1 and any(line["candidates"] for line in said["strategies"]):
        note(
            f"caps: {count} templates cannot each have at most {cap:.1%} of the pairs; raise per_template or add wordings",
            f"雛形は {count} 種類で、それぞれを全体の {cap:.1%} 以下にはできない。per_template を上げるか、文言を増やす",
        )
    return found


def one_sided(kto: Mapping[str, Any]) -> list[dict[str, str]]:
    """That labelled answers are all true, all false or none: no weight makes a ratio of them."""
    if kto["true"] and kto["false"]:
        return []
    labels, ratio = kto["true"] + kto["false"], f"{kto['ratio']:g} : 1"
    if not labels:
        return [{"en": "kto: no answer has a label", "ja": "KTO：ラベルの付いた回答が一つもない"}]
    said = "true" if kto["true"] else "false"
    return [
        {
            "en": f"kto: all {labels:,} labels are {said}, so no weight makes the wanted ratio of {ratio}; ask for more samples",
            "ja": f"KTO：{labels:,} 件のラベルがすべて {said} で、どんな重みでも {ratio} の比にならない。標本を増やす",
        }
    ]


_WHY = {
    "verified_failed": (
        "no prompt has a passing and a failing answer of one model: ask for more samples",
        "一つのモデルの合格と不合格がそろった指示がない。標本を増やす",
    ),
    "program_model": (
        "no prompt has a program's answer and a failing one of a model: order tasks with answers: both",
        "プログラムの正答とモデルの誤答がそろった指示がない。answers: both で頼む",
    ),
    "delta": (
        "no prompt has a passing answer of the strong model and one of the weak",
        "強いモデルの合格と弱いモデルの回答がそろった指示がない",
    ),
    "jury": (
        "no prompt has two passing answers of which the jury decided for one by the margin",
        "合格した二つの回答のどちらかを、審査団が margin 以上の差で選んだ指示がない",
    ),
    "near_miss": (
        "no passing answer has a constraint that an edit breaks alone",
        "一つの制約だけを外せる合格の回答がない",
    ),
    "twins": ("no question is there together with its twin", "双子がそろった問いがない"),
    "over_refusal": (
        "no passing answer to a harmless look-alike (task refusal, sides: answer)",
        "無害な依頼への合格の回答がない（課題 refusal の sides: answer）",
    ),
}
