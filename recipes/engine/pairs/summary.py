"""What a terminal shows of a finished set of pairs: yields, length, what must be known, and three pairs with their evidence."""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table

from curation.parquet_file import read_parquet
from curation.place import Place
from curation.provenance import key
from curation.shards import MANIFEST
from recipes.engine.wording import Words
from synth.messages import text_of
from synth.pairing.judged import PAIRWISE, PEOPLE
from synth.verify import evidence_ja

EXAMPLES = 3
"""Pairs that are printed, of different strategies, none that holds text of a page."""


def print_pairs(place: Place, name: str, console: Console) -> None:
    """The yields of a set of pairs in a table, then notes and three pairs."""
    manifest = place.read_json(MANIFEST)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column, justify in (
        ("strategy", "left"), ("candidates", "right"), ("pairs", "right"), ("longer chosen", "right"),
        ("why the others are none, most frequent first", "left"),
    ):  # fmt: skip
        table.add_column(column, justify=justify, overflow="fold")  # type: ignore[arg-type]
    for line in manifest["yields"]["strategies"]:
        dropped = ", ".join(f"{reason} {n:,}" for reason, n in list(line["dropped"].items())[:4])
        share = longer(manifest["balance"]["after"], line["strategy"])
        table.add_row(
            line["strategy"],
            f"{line['candidates']:,}",
            f"{line['pairs']:,}",
            "" if share is None else f"{share:.2f}",
            dropped,
        )
    console.print()
    console.print(table)
    console.print("\n".join(said(manifest)), soft_wrap=True, markup=False)
    for example in examples(place, manifest):
        console.print("\n".join(told(example)), soft_wrap=True, markup=False)
    console.print(f"{name}  {place.url}/pairs", soft_wrap=True, markup=False)


def longer(strata: list[dict[str, Any]], strategy: str) -> float | None:
    """Share of pairs whose chosen answer is longer (equal ones count half) over a strategy's functions; None without pairs."""
    mine = [s for s in strata if s["strategy"] == strategy]
    pairs = sum(s["pairs"] for s in mine)
    return sum(s["longer_chosen"] * s["pairs"] for s in mine) / pairs if pairs else None


def said(manifest: Mapping[str, Any]) -> list[str]:
    """What is to be known of a set of pairs besides its yields."""
    yields = manifest["yields"]
    origins = ", ".join(f"{n:,} by {origin}" for origin, n in yields["origins"].items() if n)
    strategies = sum(bool(line["pairs"]) for line in yields["strategies"])
    lines = [
        f"{yields['pairs']:,} pairs over {strategies} strategies and {yields['functions']} functions (answers: {origins or 'none'})"
    ]
    if most := yields["templates"]["most"]:
        lines.append(
            f"{yields['templates']['count']} templates, the most frequent with {most[0]['share']:.1%} of the pairs"
        )
    if kto := manifest.get("kto"):
        made = f"; weights make it {kto['ratio']:g} : 1" if kto["true"] and kto["false"] else ""
        lines.append(f"labelled answers: {kto['true']:,} true, {kto['false']:,} false{made}")
    return lines + [note["en"] for note in manifest["notes"]]


def examples(place: Place, manifest: Mapping[str, Any], count: int = EXAMPLES) -> Iterator[dict[str, Any]]:
    """Pairs to look at: by turns of each strategy, drawn by a hash, without text of a page."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for file in manifest["sets"]["pairs"]["files"]:
        for row in read_parquet(place, file["path"]).slice(0, 2000).to_pylist():
            if row["document"] is None:
                groups.setdefault(row["strategy"], []).append(row)
    for rows in groups.values():
        rows.sort(key=lambda row: key("shown", row["id"]))
    shown = 0
    for turn in range(max(map(len, groups.values()), default=0)):
        for strategy in sorted(groups):
            if shown < count and turn < len(groups[strategy]):
                shown += 1
                yield groups[strategy][turn]


def told(row: Mapping[str, Any]) -> list[str]:
    """A pair in a few lines: the end of its prompt, both answers, and what the verifiers found in the rejected one."""
    prompt = text_of(orjson.loads(row["prompt"])[-1])
    how = f"by a jury, margin {row['margin']:.2f}" if row["strategy"] == "jury" else "by rank"
    lines = [
        f"\n{row['strategy']} · {row['function']} · {', '.join(row['broken']) or how}",
        f"  問   {_short(prompt)}",
    ]
    for mark, side in (("選択", "chosen"), ("却下", "rejected")):
        lines.append(f"  {mark} {_short(text_of(orjson.loads(row[side])[-1]))}")
    return lines + [f"  根拠 {said.ja}" for said in (*evidence(row["rejected_verifications"]), *judged(row))]


def evidence(verifications: list[dict[str, Any]]) -> list[Words]:
    """What failing verifiers found, in words."""
    found = []
    for v in verifications:
        if v["verdict"] == "fail" and v["hard"]:
            seen = orjson.loads(v["evidence"])[:2]
            said = [
                f"{e['what']}: {e['found']}" + (f" ({e['wanted']})" if e["wanted"] is not None else "") for e in seen
            ]
            found.append(Words(evidence_ja.told(v["verifier"], seen), f"{v['verifier']}: {'; '.join(said)}"))
    return found


_PLACE = {
    "first": Words("先に示されたとき", "in the first place"),
    "second": Words("後に示されたとき", "in the second place"),
}
_SAID = {
    "win": Words("こちらを選んだ", "chose it"),
    "loss": Words("他方を選んだ", "chose the other"),
    "tie": Words("差がないとした", "saw no difference"),
    None: Words("判定しなかった", "gave no verdict"),
}


def judged(row: Mapping[str, Any]) -> list[Words]:
    """What each judge of a jury, and people, said of the chosen answer, in words; empty where no jury compared it."""
    found: dict[str, list[Words]] = {}
    for one in sorted(row["chosen_judgements"] or (), key=lambda j: j["order"] or ""):
        if one["rubric"].endswith(f"/{PAIRWISE}"):
            said, place = _SAID[one["verdict"]], _PLACE.get(one["order"])
            words = said if place is None else Words(f"{place.ja}{said.ja}", f"{said.en} {place.en}")
            found.setdefault(one["judge"], []).append(words)
    lines = []
    for judge, said in sorted(found.items(), key=lambda one: (one[0] == PEOPLE, one[0])):
        ja, en = ("人", "people") if judge == PEOPLE else (judge, judge)
        lines.append(Words(f"{ja}：{'、'.join(w.ja for w in said)}", f"{en}: {', '.join(w.en for w in said)}"))
    return lines


def _short(text: str, most: int = 110) -> str:
    line = text.replace("\n", " ⏎ ")
    return line if len(line) <= most else f"…{line[-most:]}"
