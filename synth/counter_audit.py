"""Things and the counters (助数詞) that made-up problems count them in: 鉛筆 in 本, ノート in 冊.

A seed file pairs a noun with its counter, and a task writes the pair into thousands of prompts and answers. Each pair is held against
the nouns of `synth/wording_rules.yaml`, by which wordings are audited too; a noun that is not there is a fault.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from synth.wording_audit import Fault, rules

SEEDS = Path(__file__).parent / "seeds"


class Pair(NamedTuple):
    """A noun with its counter. place: file, list and number from 1, e.g. things/goods.3."""

    place: str
    noun: str
    counter: str


def counted_pairs(file: Path) -> list[Pair]:
    """Every mapping of a data file that has a `name` and a `counter`, wherever it stands."""
    said = yaml.safe_load(file.read_text(encoding="utf-8"))
    return [Pair(f"{file.stem}/{place}", noun, counter) for place, noun, counter in _pairs(said, "")]


def audit_counters(pairs: list[Pair]) -> list[Fault]:
    """Pairs whose counter does not go with the noun, and nouns of which nothing is known."""
    known: Mapping[str, list[str]] = rules()["counters"]["nouns"]
    found: list[Fault] = []
    for place, noun, counter in pairs:
        if noun not in known:
            right = "its counters under counters, nouns of synth/wording_rules.yaml"
            found.append(Fault(place, "counter", f"{noun} in {counter}: nothing is said of the noun", right))
        elif counter not in known[noun]:
            right = f"{noun} is counted in {'・'.join(known[noun])}"
            found.append(Fault(place, "counter", f"{noun} in {counter}", right))
    return found


def _pairs(value: Any, place: str) -> Iterator[tuple[str, str, str]]:
    if isinstance(value, dict):
        if isinstance(value.get("name"), str) and isinstance(value.get("counter"), str):
            yield place, value["name"], value["counter"]
        for key, inner in value.items():
            yield from _pairs(inner, f"{place}.{key}" if place else str(key))
    elif isinstance(value, list):
        for number, inner in enumerate(value, 1):
            yield from _pairs(inner, f"{place}.{number}")
