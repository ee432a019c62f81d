"""The rules of one pair, as the recount holds them: what is wrong with a row, in words."""

import unicodedata
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import orjson

from synth.messages import text_of

APART = ("verified_failed", "program_model", "delta", "jury")
"""Strategies whose answers were written apart and must not be nearly the same."""
PROVEN = ("near_miss", "twins")
"""Strategies that prove: opposite verdicts for exactly one constraint."""
EDITED = (*PROVEN, "over_refusal")


def broken_rules(row: Mapping[str, Any], audited: set[str]) -> Iterator[str]:
    """What breaks the rules in a row of the set of pairs. audited: kinds of constraint whose audit is good."""
    prompt, chosen, rejected = (orjson.loads(row[name]) for name in ("prompt", "chosen", "rejected"))
    if not prompt or prompt[-1]["role"] not in ("user", "tool"):
        yield "the prompt does not end with a user's or a tool's turn"
    for name, turns in (("chosen", chosen), ("rejected", rejected)):
        if not turns or turns[0]["role"] != "assistant":
            yield f"{name} does not begin with an assistant's turn"
    a, b = text_of(chosen[-1]), text_of(rejected[-1])
    if unicodedata.normalize("NFC", a) == unicodedata.normalize("NFC", b):
        yield "the two texts are equal after NFC"
    yield from _verdicts(row, audited)
    yield from _by_strategy(row)
    if row["len_delta"] != len(a) - len(b):
        yield f"len_delta is {row['len_delta']}, and the texts differ by {len(a) - len(b)}"
    if row["span"] is not None:
        yield from _span(row["span"], a, b)


def _verdicts(row: Mapping[str, Any], audited: set[str]) -> Iterator[str]:
    if row["licence_status"] == "deny":
        yield "its licence is denied"
    for side in ("chosen", "rejected"):
        hard = [v for v in row[f"{side}_verifications"] if v["hard"]]
        said = {v["verdict"] for v in hard}
        overall = "fail" if "fail" in said else "abstain" if "abstain" in said else "pass" if said else "unverified"
        if overall != row[f"{side}_verdict"] or overall not in ("pass", "fail"):
            yield f"the {side} answer's verdict is {row[f'{side}_verdict']}, and its verifiers say {overall}"
        if bad := sorted({v["verifier"] for v in hard} - audited):
            yield f"the {side} answer was verified by {bad[0]}, whose audit is not good"
    if row["chosen_verdict"] != "pass":
        yield "the chosen answer did not pass"
    failing = [v["verifier"] for v in row["rejected_verifications"] if v["hard"] and v["verdict"] == "fail"]
    if failing != row["broken"]:
        yield f"broken says {', '.join(row['broken'])}, and {', '.join(failing) or 'nothing'} fails"
    if row["constraint"] != (failing[0] if len(failing) == 1 else None):
        yield f"the stated difference is {row['constraint']}, and {', '.join(failing) or 'nothing'} fails"


def _by_strategy(row: Mapping[str, Any]) -> Iterator[str]:
    strategy = row["strategy"]
    if row["rejected_verdict"] != "fail" and strategy not in ("delta", "jury"):
        yield "the rejected answer did not fail"
    if strategy == "jury":
        yield from _jury(row)
    policies = {(a["model"], a["revision"], a["weights"]) for a in row["authors"] or () if a["role"] == "generator"}
    if strategy == "verified_failed" and (row["chosen_model"] is None or row["chosen_model"] != row["rejected_model"]):
        yield f"not of one policy: {row['chosen_model']} and {row['rejected_model']}"
    if strategy == "verified_failed" and len(policies) > 1:
        yield f"not of one policy: {len(policies)} revisions or weights of {row['chosen_model']}"
    if strategy == "program_model" and (row["chosen_origin"], row["rejected_origin"]) != ("program", "model"):
        yield f"not a program's answer against a model's: {row['chosen_origin']}, {row['rejected_origin']}"
    if strategy == "delta" and (
        None in (row["chosen_model"], row["rejected_model"])
        or (row["chosen_model"] == row["rejected_model"] and len(policies) < 2)
    ):
        yield "not of two models, or of two revisions of one"
    if strategy in EDITED and row["span"] is None:
        yield "an edit without the span that differs"
    if strategy == "over_refusal" and "refusal" not in row["broken"]:
        yield "the rejected answer does not fail by declining"
    if strategy in PROVEN:
        before, after = (
            [(v["verifier"], v["verdict"]) for v in row[f"{side}_verifications"]] for side in ("chosen", "rejected")
        )
        changed = [(x, y) for x, y in zip(before, after, strict=False) if x != y]
        proof = len(before) == len(after) and len(changed) == 1
        if (
            not proof
            or changed[0][0][0] != changed[0][1][0]
            or (changed[0][0][1], changed[0][1][1]) != ("pass", "fail")
        ):
            yield f"not proven: {len(changed)} verdicts differ, and exactly one must, from pass to fail"
        if strategy == "twins" and row["constraint"] != "abstention":
            yield f"a twin's pair is about abstention, not {row['constraint']}"


def _jury(row: Mapping[str, Any]) -> Iterator[str]:
    """Both passed, a judge chose the chosen one in both orders or people did, and the judges stand among the authors."""
    if row["rejected_verdict"] != "pass":
        yield "a jury decided about an answer that did not pass"
    if row["margin"] is None or not 0 < row["margin"] <= 1:
        yield f"the jury's margin is {row['margin']}, and it is in (0, 1]"
    said: dict[tuple[str, str], list[str | None]] = {}
    for side in ("chosen", "rejected"):
        for one in row[f"{side}_judgements"]:
            if one["rubric"].endswith("/pairwise"):
                said.setdefault((side, one["judge"]), []).append(one["verdict"])
    if not any(key[0] == "chosen" and set(v) == {"win"} for key, v in said.items()):
        yield "no judge chose the chosen answer in both orders, and people did not"
    judges = {a["model"] for a in row["authors"] or () if a["role"] == "judge"}
    if missing := sorted({judge for _, judge in said} - judges - {"people"}):
        yield f"the judge {missing[0]} is not among its authors"


def unsure(row: Mapping[str, Any], calibration: Mapping[str, Any] | None) -> str:
    """What is wrong where a recipe asks that people agree with a jury often enough; "" where nothing is.

    calibration: as the manifest has it, `curves` by function as [margin, chance]; None where the recipe asks for none.
    """
    if calibration is None:
        return ""
    points = calibration["curves"].get(row["function"])
    if not points:
        return f"no curve says how often people agree with the jury in '{row['function']}'"
    margin = min(max(row["margin"] or 0.0, points[0][0]), points[-1][0])
    chance = points[-1][1]
    for (left, low), (right, high) in pairwise(points):
        if left <= margin <= right:
            chance = low + (high - low) * (margin - left) / (right - left)
            break
    if chance < calibration["at_least"] - 1e-9:
        return (
            f"people agree with such a margin in {chance:.3f}, and the recipe wants {calibration['at_least']} at least"
        )
    return ""


def wrong_label(row: Mapping[str, Any], judged: Mapping[str, Any] | None) -> str:
    """What a labelled answer's verifiers say that its label does not, or its judges where those could not tell; "" for the same.

    judged: aspect, accept and refuse of the recipe, None where judges label nothing.
    """
    said = [v["verdict"] for v in row["verifications"] if v["hard"]]
    verifiers = f"its verifiers say {', '.join(said) or 'nothing'}"
    if "fail" in said or not said:
        return verifiers if row["label"] or not said else ""
    if "abstain" not in said:
        return "" if row["label"] else verifiers
    if judged is None:
        return verifiers
    value = (row["attributes"] or {}).get(judged["aspect"])
    wanted = None if value is None or judged["refuse"] < value + 1 < judged["accept"] else value + 1 >= judged["accept"]
    return "" if row["label"] == wanted else f"{verifiers}, its judges {judged['aspect']} {value}"


def _span(span: Mapping[str, int], a: str, b: str) -> Iterator[str]:
    """The texts are the same before and after their spans, and differ at both ends of them."""
    x1, x2, y1, y2 = (span[name] for name in ("chosen_start", "chosen_end", "rejected_start", "rejected_end"))
    if not (0 <= x1 <= x2 <= len(a) and 0 <= y1 <= y2 <= len(b)):
        yield "the span lies outside the texts"
    elif a[:x1] != b[:y1] or a[x2:] != b[y2:] or a[x1:x2] == b[y1:y2]:
        yield "the texts do not differ exactly in the span"
