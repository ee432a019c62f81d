"""The released set of a jury: what each judge said, one decision a comparison, scores, and what is for people; the manifest last.

OUT/VERSION/jury/
  verdicts/00000.parquet   a row a comparison and judge, with both texts as they came
  decisions/00000.parquet  a row a comparison: verdict, margin, disagreement
  scores/00000.parquet     a row an answer and judge; only where the recipe says `rubric`
  flagged/00000.parquet    answers that speak to whoever grades them: no judge saw them, people are to
  manifest.json            judges with licences, leans and faults, agreement; written last
"""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import pyarrow as pa

from annotation.calibrate import share
from curation.parquet_file import write_parquet
from curation.place import Place
from curation.shards import MANIFEST
from recipes.engine.errors import RunError
from recipes.engine.judging.plan import FORMAT, LIBRARIES, Jury
from recipes.engine.judging.work import reads
from recipes.engine.manifests import versions
from recipes.engine.other_version import refuse_other
from synth.candidates import Rights
from synth.engine.content_key import Identity, canonical
from synth.engine.figures import total
from synth.judge.decisions import Hearing
from synth.judge.decisions import schema as decision_schema
from synth.models import ALLOWED, Ruling, check_release
from synth.obligations import PolicyError

KIND = "jury"
"""What a manifest says that the set is."""


@dataclass(frozen=True)
class Said:
    """What workers brought: layout of what was asked, their manifests, verdicts and scores of all judges, answers for people."""

    layout: dict[str, Any]
    tasks: list[dict[str, Any]]
    verdicts: pa.Table
    scores: pa.Table
    flagged: pa.Table


def finished(jury: Jury) -> dict[str, Any] | None:
    """Manifest of the released set, if it is there and was made just so of what the generations hold now."""
    place = Place(jury.url)
    manifest = place.read_json(MANIFEST) if place.exists(MANIFEST) else None
    if manifest is None or manifest["fingerprint"] != jury.fingerprint:
        return None
    there = all(Place(g.url).exists(MANIFEST) for g in jury.generations)
    return manifest if not there or manifest["read"] == reads(jury.generations) else None


def check_version(jury: Jury, version: str) -> None:
    """Refuses a version whose set is there and was made otherwise, unless it is `dev`."""

    def why(old: Mapping[str, Any]) -> str:
        return (
            "judges or what they are asked changed" if old["asked"] != jury.asked else "how verdicts become one changed"
        )

    refuse_other(jury.url, version, finished(jury) is not None, "verdicts", why)


def publish(jury: Jury, said: Said) -> dict[str, Any]:
    """Decides and writes the set. Returns its manifest. Raises RunError where the judges' obligations are not kept by the target."""
    judges, ruling = _judges(jury, said)
    try:
        check_release([ruling], jury.generations[0].target)
    except PolicyError as error:
        raise RunError(
            f"{jury.where}: {error}. What the judges said is kept: change the recipe and give the same command"
        ) from error
    decisions, figures = decision_schema().empty_table(), None
    if jury.judges:
        hearing = Hearing(said.verdicts, jury.families)
        panels = hearing.decide(jury.spec.aggregate, jury.people)
        decisions = hearing.table(panels)
        figures = hearing.figures(panels, {judge.name: judge.kin for judge in jury.judges})
    final, partial = Place(jury.url), Place(f"{jury.url}.partial")
    partial.remove()
    order = [("row", "ascending"), ("judge", "ascending")]
    tables = {
        "verdicts": said.verdicts.sort_by([("comparison", "ascending"), ("judge", "ascending")]),
        "decisions": decisions,
        **({"scores": said.scores.sort_by(order)} if jury.spec.rubric else {}),
        "flagged": said.flagged,
    }
    files = [write_parquet(partial, f"{name}/00000.parquet", table) for name, table in tables.items()]
    about = {
        "rows_out": len(decisions),
        "judges": judges,
        "jury": figures or {"comparisons": 0, "verdicts": {}, "judges": [], "agreement": []},
        "people": _people(jury, said.verdicts),
        "scores": _scores(said.scores),
        "licences": {"status": ruling.status, "obligations": [o.as_dict() for o in sorted(ruling.obligations)]},
        "sets": {name: {"rows": len(table), "content": _content(table)} for name, table in tables.items()},
        "content": hashlib.sha256("".join(_content(table) for table in tables.values()).encode()).hexdigest(),
        "files": files,
    }
    manifest = _manifest(jury, said) | about
    manifest["notes"] = _notes(manifest)
    partial.write_json(MANIFEST, manifest)
    final.remove()
    partial.publish(final)
    return manifest


def _manifest(jury: Jury, said: Said) -> dict[str, Any]:
    """What is known before anything is decided."""
    tasks = said.tasks
    figures = [judge["figures"] for task in tasks for judge in task["judges"].values()]
    return {
        "format": FORMAT,
        "kind": KIND,
        "fingerprint": jury.fingerprint,
        "asked": jury.asked,
        "read": said.layout["read"],
        "made": jury.spec.model_dump(),
        "versions": versions(LIBRARIES),
        "rows_in": sum(said.layout["answers"].values()),
        "answers": said.layout["answers"],
        "prompts": said.layout["prompts"],
        "comparisons": said.layout["comparisons"],
        "demo": jury.demo,
        "left_out": jury.left_out,
        "figures": total(figures),
        "seconds": round(sum(t["seconds"] for t in tasks), 3),
        "cpu": round(sum(t["cpu"] for t in tasks), 3),
    }


def _judges(jury: Jury, said: Said) -> tuple[list[dict[str, Any]], Ruling]:
    """Each judge with who it is and what the policy says of it, and what all of them oblige to."""
    purpose, whole, found = jury.generations[0].target.purpose, ALLOWED, list[dict[str, Any]]()
    for judge in jury.judges:
        about = [task["judges"][judge.name] for task in said.tasks]
        identity = Identity(**about[0]["identity"])
        rights = Rights(jury.policy, identity, purpose)
        whole |= rights.author
        found.append(
            {
                "judge": judge.name, "family": judge.family, "demo": judge.demo, "identity": about[0]["identity"],
                "engine": about[0]["engine"], "authors": rights.authors("judge"), "licence_status": rights.author.status,
                "obligations": canonical([o.as_dict() for o in sorted(rights.author.obligations)]).decode(),
                "figures": total([one["figures"] for one in about]),
            }
        )  # fmt: skip
    return found, whole


def _people(jury: Jury, verdicts: pa.Table) -> dict[str, Any] | None:
    """How often each judge says what people said, of the comparisons where people named a better answer; None without decisions."""
    if not jury.people:
        return None
    seen, agreed, of = set[bytes](), Counter[str](), Counter[str]()
    for row in verdicts.select(["comparison", "judge", "verdict"]).to_pylist():
        decided = jury.people.get(row["comparison"])
        if decided is not None:
            seen.add(row["comparison"])
        if decided in ("win", "loss") and row["verdict"] is not None:
            of[row["judge"]] += 1
            agreed[row["judge"]] += row["verdict"] == decided
    return {
        "given": len(jury.people),
        "used": len(seen),
        "agreement": {name: share(agreed[name], of[name])._asdict() for name in sorted(of)},
    }


def _scores(scores: pa.Table) -> dict[str, Any]:
    """Scores by judge: how many answers have some, and why others have none."""
    found: dict[str, Counter[str]] = {}
    for row in scores.select(["judge", "fault"]).to_pylist():
        found.setdefault(row["judge"], Counter())[row["fault"] or "scored"] += 1
    return {name: dict(counts.most_common()) for name, counts in sorted(found.items())}


def _content(table: pa.Table) -> str:
    """Sum modulo 2^256 of SHA-256 over each row as JSON with sorted keys: independent of order."""
    whole = 0
    for row in table.to_pylist():
        said = orjson.dumps(row, option=orjson.OPT_SORT_KEYS, default=lambda value: value.hex())
        whole += int.from_bytes(hashlib.sha256(said).digest(), "little")
    return f"{whole % (1 << 256):064x}"


def _notes(manifest: dict[str, Any]) -> list[dict[str, str]]:
    """What is to be known of a jury's set, in both languages."""
    answers, prompts, comparisons = manifest["answers"], manifest["prompts"], manifest["comparisons"]
    found: list[dict[str, str]] = []

    def note(en: str, ja: str) -> None:
        found.append({"en": en, "ja": ja})

    if not answers["judgeable"]:
        note(
            "no answer passed its verifiers or was left open by them, so no judge was asked",
            "検証に合格した回答も、検証が判定を保留した回答もない。審査員には何も尋ねていない",
        )
    elif not comparisons["there"]:
        note(
            f"no prompt has two answers to compare ({prompts['one_answer']:,} have one): ask for more samples",
            f"比べられる回答が二つある指示がない（一つだけの指示は {prompts['one_answer']:,}）。標本を増やす",
        )
    if comparisons["asked"] < comparisons["there"]:
        note(
            f"{comparisons['asked']:,} of {comparisons['there']:,} comparisons were asked: that is `most`",
            f"{comparisons['there']:,} 件の比較のうち {comparisons['asked']:,} 件を尋ねた（most の上限）",
        )
    if flagged := answers["flagged"]:
        note(
            f"{flagged:,} answers speak to whoever grades them: no judge saw them, people are to (flagged/)",
            f"{flagged:,} 件の回答は採点者に話しかけている。審査員には見せず、人が見る（flagged/）",
        )
    for name, why in manifest["demo"].items():
        note(
            f"judge '{name}' is a demo ({why}): this jury's verdicts make no pairs",
            f"審査員「{name}」は demo である。この審査団の判定から組は作らない",
        )
    for name, lacking in manifest["left_out"].items():
        note(
            f"judge '{name}' is left out: {lacking} is not installed",
            f"審査員「{name}」は加わっていない。{lacking} が入っていない",
        )
    if alone := manifest["jury"].get("alone"):
        note(
            f"{alone:,} decisions are the word of one judge alone: no other gave a verdict there",
            f"判定のうち {alone:,} 件は、一人の審査員の言葉だけによる。ほかの審査員は判定を出していない",
        )
    families = sorted({judge["family"] for judge in manifest["judges"]})
    if len(families) == 1:
        note(
            f"all judges are of one family ({families[0]}) and have one voice: only judges of another family, or people's decisions, "
            "would tell how far it leans",
            f"審査員の系統は一つ（{families[0]}）だけで、票も一つである。別の系統の審査員か人の判定がなければ、偏りの大きさは分からない",
        )
    for judge in manifest["jury"]["judges"]:
        asked = 2 * sum(judge["verdicts"].values())
        if (bad := sum(judge["faults"].values())) and bad == asked:
            worst = next(iter(judge["faults"]))
            note(
                f"judge '{judge['judge']}' gave no verdict at all: every one of its {asked:,} answers is a fault, most often {worst}",
                f"審査員「{judge['judge']}」は一度も判定していない。{asked:,} 件の応答がすべて失敗で、最多は {worst}",
            )
    return found
