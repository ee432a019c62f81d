"""An independent recount of what a set of pairs promises: every rule over every pair, from the released files alone.

It shares no code with pairing: texts are compared by the release check's own normal form and similarity, ids are hashed anew,
spans and lengths recounted, and of a sample of pairs both answers are verified again. `rule_breaks` counts pairs that break a rule.
"""

import hashlib
import random
import secrets
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from curation.parquet_file import ParquetFile
from curation.place import Place
from curation.verify.findings import Check
from curation.verify.normal_form import normal_form
from curation.verify.similarity import jaccard, shingles
from synth.messages import text_of
from synth.pairing.check_rules import APART, broken_rules, unsure, wrong_label
from synth.verify.constraint import parse, verify_all

MANIFEST = "manifest.json"
KIND = "preference pairs"
SAMPLE = 500
"""Pairs whose answers are verified again, unless more are asked for."""
BATCH = 1024
MANY = 500
"""Pairs of a stratum from which its share of longer chosen answers is held to SHARE."""
SHARE = (0.48, 0.52)


def is_pairs(manifest: Mapping[str, Any]) -> bool:
    """Whether a manifest is that of a set of pairs."""
    return manifest.get("kind") == KIND


def check_pairs(url: str, *, sample: int | None = None, seed: int | None = None) -> list[Check]:
    """Checks the set of pairs at `url`. sample: pairs that are verified again; seed: draws them, a new one each time without.

    Raises FileNotFoundError where there is no finished set.
    """
    place = Place(url)
    if not place.exists(MANIFEST):
        raise FileNotFoundError(f"{url}: there is no finished set of pairs here (no {MANIFEST})")
    manifest = place.read_json(MANIFEST)
    files = check_files(place, manifest["files"])
    if not files.passed:
        return [files]
    checks = [files, *_pairs(place, manifest, SAMPLE if sample is None else sample, seed), _yields(manifest)]
    if "kto" in manifest["sets"]:
        checks.append(_labels(place, manifest))
    return checks


def rule_breaks(checks: list[Check]) -> int:
    """How many breaks of rules were found, those that were only counted included."""
    return sum(len(c.problems) + c.more for c in checks)


def check_files(place: Place, files: Sequence[Mapping[str, Any]]) -> Check:
    """Whether the files that a manifest names are there, with the bytes that it names."""
    check = Check("files")
    for file in files:
        check.looked_at += 1
        if not place.exists(file["path"]):
            check.fail(f"{file['path']}: named in the manifest and not there")
            continue
        raw = place.read_bytes(file["path"])
        if len(raw) != file["bytes"] or hashlib.sha256(raw).hexdigest() != file["sha256"]:
            check.fail(f"{file['path']}: not the bytes that the manifest names")
    return check


def _rows(place: Place, manifest: Mapping[str, Any], name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Rows of a set in the order of its files, each with its file's name."""
    for file in manifest["sets"][name]["files"]:
        with place.fs.open(f"{place.path}/{file['path']}", "rb") as raw:
            for batch in ParquetFile(raw, memory_map=False).iter_batches(BATCH):
                for row in batch.to_pylist():
                    yield file["path"], row


def _pairs(place: Place, manifest: Mapping[str, Any], sample: int, seed: int | None) -> list[Check]:
    rules, order, again = Check("rules"), Check("ids"), Check("verified again")
    balance, caps = Check("balance"), Check("caps")
    audited = {kind for kind, good in manifest["verifiers"].items() if good}
    most_alike = manifest["made"]["unlike"]["jaccard"]
    strata: dict[tuple[str, str], list[int]] = {}
    limits: Counter[tuple[str, str, str]] = Counter()
    templates: Counter[str | None] = Counter()
    strategies: Counter[str] = Counter()
    chosen_of: dict[bytes, set[bytes]] = {}
    twins: list[tuple[bytes, bytes, bytes, str]] = []
    drawn = random.Random(secrets.randbits(64) if seed is None else seed)
    kept: list[dict[str, Any]] = []
    last = b""
    for path, row in _rows(place, manifest, "pairs"):
        rules.looked_at += 1
        name = f"{path}: pair {row['id'].hex()[:12]} ({row['strategy']})"
        for problem in broken_rules(row, audited):
            rules.fail(f"{name}: {problem}")
        a, b = (_text(row[side]) for side in ("chosen", "rejected"))
        if row["strategy"] == "jury" and (row["margin"] or 0) < (
            least := manifest["made"]["strategies"]["jury"]["margin"]
        ):
            rules.fail(f"{name}: the jury's margin is {row['margin']}, and the recipe wants {least} at least")
        if row["strategy"] == "jury" and (problem := unsure(row, manifest.get("calibration"))):
            rules.fail(f"{name}: {problem}")
        if row["strategy"] in APART and (alike := _alike(a, b)) >= most_alike:
            rules.fail(f"{name}: the texts have a similarity of {alike:.3f}, and {most_alike} is too alike")
        order.looked_at += 1
        if row["id"] <= last:
            order.fail(f"{name}: comes after {last.hex()[:12]}: doubled, or not in order")
        if row["id"] != _pair_id(row, a, b):
            order.fail(f"{name}: its id is not the hash of its strategy, prompt and texts")
        last = row["id"]
        strata.setdefault((row["strategy"], row["function"]), []).append(len(a) - len(b))
        templates[row["template"]] += 1
        strategies[row["strategy"]] += 1
        if row["limit"] is not None and row["constraint"] == "char_count":
            limits[row["strategy"], row["function"], row["limit"]] += 1
        if row["twin"] is not None:
            chosen_of.setdefault(row["twin"], set()).add(row["prompt_key"] + _key(a))
            if row["strategy"] == "twins":
                twins.append((row["twin"], row["prompt_key"], _key(b), name))
        if len(kept) < sample:
            kept.append(row)
        elif (at := drawn.randrange(rules.looked_at)) < sample:
            kept[at] = row
    for twin, prompt, text, name in twins:
        rules.looked_at += 1
        if any(said[16:] == text and said[:16] != prompt for said in chosen_of[twin]):
            rules.fail(f"{name}: the rejected text is the other twin's answer")
    _check_balance(balance, strata, limits, manifest["made"]["balance"]["length"])
    _check_caps(caps, templates, strategies, manifest)
    if rules.looked_at - len(twins) != manifest["rows_out"]:
        order.fail(f"manifest.json: {manifest['rows_out']:,} pairs, and there are {rules.looked_at - len(twins):,}")
    for row in kept:
        again.looked_at += 1
        if problem := _verified_again(row):
            again.fail(f"pair {row['id'].hex()[:12]} ({row['strategy']}): {problem}")
    return [rules, order, balance, caps, again]


def _text(turns: str) -> str:
    return text_of(orjson.loads(turns)[-1])


def _key(text: str) -> bytes:
    return hashlib.sha256(unicodedata.normalize("NFC", text).encode("utf-8", "surrogatepass")).digest()[:16]


def _alike(a: str, b: str) -> float:
    return float(jaccard(shingles(normal_form(a)), shingles(normal_form(b))))


def _pair_id(row: Mapping[str, Any], a: str, b: str) -> bytes:
    digest = hashlib.sha256()
    for part in (b"pair", row["strategy"].encode(), row["prompt_key"] + _key(a) + _key(b)):
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.digest()[:16]


def _check_balance(
    check: Check, strata: dict[tuple[str, str], list[int]], limits: Counter[tuple[str, str, str]], on: bool
) -> None:
    for (strategy, function), deltas in sorted(strata.items()):
        check.looked_at += len(deltas)
        longer = sum((d > 0) + (d == 0) / 2 for d in deltas) / len(deltas)
        if on and len(deltas) >= MANY and not SHARE[0] <= longer <= SHARE[1]:
            check.fail(
                f"{strategy} × {function}: the chosen answer is the longer one in {longer:.3f} of {len(deltas):,} pairs"
            )
    for strategy, function in sorted({(s, f) for s, f, _ in limits}):
        over, under = (limits[strategy, function, side] for side in ("over", "under"))
        if over != under:
            check.fail(
                f"{strategy} × {function}: 文字数 is failed {over:,} times over and {under:,} times under its limits"
            )


def _check_caps(
    check: Check, templates: Counter[str | None], strategies: Counter[str], manifest: Mapping[str, Any]
) -> None:
    made = manifest["made"]
    for template, n in templates.most_common():
        check.looked_at += 1
        if template is not None and n > made["caps"]["per_template"] * templates.total() + 1e-9:
            check.fail(
                f"template {template}: {n:,} of {templates.total():,} pairs are more than {made['caps']['per_template']:.1%}"
            )
    for strategy, n in strategies.items():
        wanted = (made["strategies"].get(strategy) or {}).get("pairs", 0)
        if n > wanted:
            check.fail(f"{strategy}: {n:,} pairs, and the recipe wants {wanted:,} at most")


def _verified_again(row: Mapping[str, Any]) -> str:
    """What the verifiers say otherwise of either answer now; "" where they say the same. Code is not run again."""
    specs = [parse(one) for one in orjson.loads(row["spec"])]
    if any(spec.executes for spec in specs):
        return ""
    prompt = orjson.loads(row["prompt"])
    for side in ("chosen", "rejected"):
        stored = [v["verdict"] for v in row[f"{side}_verifications"]][: len(specs)]
        found = [v.outcome for v in verify_all(specs, prompt, _text(row[side]))[1]]
        if stored != found and row[f"{side}_verifications"]:
            return f"the {side} answer's verdicts are {', '.join(stored)}, and now {', '.join(found)}"
    return ""


def _yields(manifest: Mapping[str, Any]) -> Check:
    """Every candidate is a pair or was dropped for a reason."""
    check = Check("yields")
    for line in manifest["yields"]["strategies"]:
        check.looked_at += line["candidates"]
        if line["candidates"] != (told := line["pairs"] + sum(line["dropped"].values())):
            check.fail(f"{line['strategy']}: {line['candidates']:,} candidates, and {told:,} are accounted for")
    return check


def _labels(place: Place, manifest: Mapping[str, Any]) -> Check:
    """A label is what verifiers say, or judges where those could not tell, no prompt has a text twice, the weights make the ratio."""
    check, weights = Check("labels"), {True: 0.0, False: 0.0}
    seen: set[bytes] = set()
    for path, row in _rows(place, manifest, "kto"):
        check.looked_at += 1
        name = f"{path}: answer {row['id'].hex()[:12]}"
        if problem := wrong_label(row, manifest["made"]["kto"].get("judged")):
            check.fail(f"{name}: labelled {row['label']}, and {problem}")
        if (same := row["prompt_key"] + _key(_text(row["completion"]))) in seen:
            check.fail(f"{name}: the same prompt has this text twice")
        seen.add(same)
        weights[row["label"]] += row["weight"]
    ratio = manifest["made"]["kto"]["ratio"]
    if min(weights.values()) and abs(weights[True] / weights[False] / ratio - 1) > 1e-3:
        check.fail(f"the weights make {weights[True] / weights[False]:.4f} : 1, and {ratio:g} : 1 is wanted")
    return check
