"""An independent recount of a jury's set: what the judges wrote, read again, and what was decided from it, counted again.

Nothing here asks `verdict`, `decisions` or `jury`: the judges' texts are parsed anew, families' voices added up anew. What an
expectation–maximisation came to is not fitted again; it must be one of the three verdicts with a margin on its side.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from curation.parquet_file import ParquetFile
from curation.place import Place
from curation.verify.findings import Check
from synth.pairing.check import check_files

MANIFEST = "manifest.json"
KIND = "jury"
CLOSE = 1e-4
"""How far a stored margin, a 32-bit number, may lie from the one counted here."""
_PLACES = {"A": 0, "B": 1, "同じ": 2}


def is_jury(manifest: Mapping[str, Any]) -> bool:
    """Whether a manifest is that of a jury's set."""
    return manifest.get("kind") == KIND


def check_jury(url: str) -> list[Check]:
    """Checks the jury's set at `url`. Raises FileNotFoundError where there is no finished one."""
    place = Place(url)
    if not place.exists(MANIFEST):
        raise FileNotFoundError(f"{url}: there is no finished jury here (no {MANIFEST})")
    manifest = place.read_json(MANIFEST)
    files = check_files(place, manifest["files"])
    if not files.passed:
        return [files]
    verdicts = list(_rows(place, "verdicts"))
    checks = [files, _sums(place, manifest), _heard(verdicts), _decided(place, manifest, verdicts)]
    if manifest["made"]["rubric"]:
        checks.append(_scored(place, manifest["made"]["rubric"]))
    checks.append(_aside(place, verdicts))
    return checks


def _rows(place: Place, name: str) -> Iterator[dict[str, Any]]:
    with place.fs.open(f"{place.path}/{name}/00000.parquet", "rb") as raw:
        for batch in ParquetFile(raw, memory_map=False).iter_batches(1024):
            yield from batch.to_pylist()


def _sums(place: Place, manifest: Mapping[str, Any]) -> Check:
    """Rows and content of every table are what the manifest says."""
    check = Check("contents")
    for name, said in manifest["sets"].items():
        rows, whole = 0, 0
        for row in _rows(place, name):
            rows += 1
            text = orjson.dumps(row, option=orjson.OPT_SORT_KEYS, default=lambda key: key.hex())
            whole += int.from_bytes(hashlib.sha256(text).digest(), "little")
        check.looked_at += rows
        if rows != said["rows"]:
            check.fail(f"{name}: {rows:,} rows, and the manifest says {said['rows']:,}")
        if f"{whole % (1 << 256):064x}" != said["content"]:
            check.fail(f"{name}: its content is not what the manifest says")
    return check


def _heard(verdicts: list[dict[str, Any]]) -> Check:
    """Each judge's choice in either order is what its text says, and its verdict what both say together."""
    check, seen = Check("verdicts"), set[tuple[bytes, str]]()
    for row in verdicts:
        check.looked_at += 1
        name = f"comparison {row['comparison'].hex()[:12]}, judge {row['judge']}"
        if (row["comparison"], row["judge"]) in seen:
            check.fail(f"{name}: is there twice")
        seen.add((row["comparison"], row["judge"]))
        for order, swapped in (("forward", False), ("backward", True)):
            said = _choice(row[f"raw_{order}"], swapped)
            if said != row[order]:
                check.fail(f"{name}: {order} is {row[order]}, and its text says {said}")
            if (row[order] is None) != bool(row[f"fault_{order}"]):
                check.fail(f"{name}: {order} is {row[order]}, with the fault '{row[f'fault_{order}']}'")
        if row["verdict"] != (wanted := _both(row["forward"], row["backward"])):
            check.fail(f"{name}: verdict {row['verdict']}, and both orders say {wanted}")
    return check


def _choice(raw: str, swapped: bool) -> str | None:
    """Which answer a text chooses: `a`, `b`, `tie`, or None."""
    bare = raw.strip()
    if bare[:3] == bare[-3:] == "```" and len(bare) >= 6:
        bare = bare.strip("`").removeprefix("json").strip()
    try:
        said = json.loads(bare)
    except ValueError:
        return None
    verdict = said.get("verdict") if isinstance(said, dict) else None
    place = _PLACES.get(verdict) if isinstance(verdict, str) else None
    return None if place is None else "tie" if place == 2 else "ab"[place ^ swapped]


def _both(forward: str | None, backward: str | None) -> str | None:
    if forward is None or backward is None:
        return None
    return {"a": "win", "b": "loss", "tie": "tie"}[forward] if forward == backward else "inconsistent"


def _decided(place: Place, manifest: Mapping[str, Any], verdicts: list[dict[str, Any]]) -> Check:
    """One decision a comparison, which follows from the families' voices by the recipe's aggregation."""
    check = Check("decisions")
    said = defaultdict[bytes, list[dict[str, Any]]](list)
    for row in verdicts:
        said[row["comparison"]].append(row)
    family = {judge["judge"]: judge["family"] for judge in manifest["judges"]}
    members = defaultdict[str, int](int)
    for name in family.values():
        members[name] += 1
    method, people = manifest["made"]["aggregate"], (manifest["people"] or {}).get("used", 0)
    seen, decided_by_people = set[bytes](), 0
    for row in _rows(place, "decisions"):
        check.looked_at += 1
        name = f"comparison {row['comparison'].hex()[:12]}"
        if row["comparison"] in seen:
            check.fail(f"{name}: is decided twice")
        seen.add(row["comparison"])
        mine = said.get(row["comparison"], [])
        if not mine:
            check.fail(f"{name}: is decided, and no judge was asked")
            continue
        given = [one["verdict"] for one in mine if one["verdict"] is not None]
        if row["judges"] != len(given):
            check.fail(f"{name}: {row['judges']} judges gave a verdict, and {len(given)} did")
        if problem := _one_sided(row):
            check.fail(f"{name}: {problem}")
        by = row.get("by", "people" if people else "judges")  # sets of format 1 do not say which
        decided_by_people += by == "people"
        if method == "majority" and by != "people" and not _by_voices(row, mine, family, members):
            check.fail(f"{name}: decided {row['verdict']} by {row['margin']:.3f}, which the voices do not say")
    if manifest["format"] > 1 and decided_by_people != people:
        check.fail(f"{decided_by_people:,} decisions are said to be people's, and {people:,} are")
    for lacking in sorted(said.keys() - seen)[:5]:
        check.fail(f"comparison {lacking.hex()[:12]}: judges were asked, and nothing was decided")
    return check


def _one_sided(row: Mapping[str, Any]) -> str:
    """What is wrong with a decision in itself; "" for nothing."""
    verdict, margin = row["verdict"], row["margin"]
    if verdict not in ("win", "loss", "tie", "inconsistent", None):
        return f"'{verdict}' is no verdict"
    if not -1 <= margin <= 1 or (verdict == "win" and margin <= 0) or (verdict == "loss" and margin >= 0):
        return f"a {verdict} with a margin of {margin:.3f}"
    return "no verdict with judges that gave some" if verdict is None and row["judges"] else ""


def _by_voices(
    row: Mapping[str, Any], mine: list[dict[str, Any]], family: Mapping[str, str], members: Mapping[str, int]
) -> bool:
    """Whether most voices say what was decided. A family has one voice, of which each of its judges has an equal part."""
    voices = defaultdict[str, float](float)
    for one in mine:
        if one["verdict"] is not None:
            voices[one["verdict"]] += 1 / members[family[one["judge"]]]
    if not voices:
        return row["verdict"] is None
    most = max(voices.values())
    first = [verdict for verdict, n in voices.items() if n > most - 1e-9]
    wanted = first[0] if len(first) == 1 else "inconsistent"
    margin = (voices["win"] - voices["loss"]) / sum(voices.values())
    return row["verdict"] == wanted and abs(row["margin"] - margin) < CLOSE


def _scored(place: Place, aspects: list[str]) -> Check:
    """Scores are those of the judge's text, each within 1 to 5, all asked aspects or none."""
    check = Check("scores")
    for row in _rows(place, "scores"):
        check.looked_at += 1
        try:
            text = json.loads(row["raw"].strip().strip("`").removeprefix("json").strip() or "null")
        except ValueError:
            text = None
        said = text.get("scores") if isinstance(text, dict) else None
        said = said if isinstance(said, dict) else {}
        good = all(type(said.get(a)) is int and 1 <= said[a] <= 5 for a in aspects)
        wanted = {a: said[a] if good else None for a in aspects}
        if {a: row[a] for a in aspects} != wanted or good == bool(row["fault"]):
            found = {a: row[a] for a in aspects}
            check.fail(f"row {row['row'].hex()[:12]}, judge {row['judge']}: scores {found}, and its text says {wanted}")
    return check


def _aside(place: Place, verdicts: list[dict[str, Any]]) -> Check:
    """Answers that speak to whoever grades them were shown to no judge."""
    check, judged = Check("flagged"), {row[side] for row in verdicts for side in ("a", "b")}
    for row in _rows(place, "flagged"):
        check.looked_at += 1
        if row["id"] in judged:
            check.fail(f"row {row['id'].hex()[:12]}: speaks to its judge, and was judged")
    return check
