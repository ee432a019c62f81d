"""Personas: who asks. Drawn from the parts in `synth/seeds/personas.yaml`, one of each, by the persona's number.

Persona n is the same in every run and on every machine, and needs no list: 37 × 10 × 14 × 24 × 10 × 6 are more than 7 million.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from curation.provenance import key

FILE = Path(__file__).parent / "seeds" / "personas.yaml"


@dataclass(frozen=True)
class Persona:
    """One asker. id: `persona/VERSION/NUMBER`; traits: one of each part, by its name in the file."""

    id: str
    traits: Mapping[str, str]

    def text(self) -> str:
        """The persona as a line for a prompt.

        >>> persona(0).text().count("、") >= 3
        True
        """
        t = self.traits
        who = t["age"] if t["occupation"] == t["age"] else f"{t['age']}の{t['occupation']}"
        return f"{t['place']}に住む{who}、関心は{t['interest']}、{t['need']}、{t['manner']}。"


@cache
def _parts(file: Path) -> Mapping[str, Any]:
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def persona(number: int, file: Path = FILE) -> Persona:
    """Persona of a number ≥ 0: the same number is the same persona as long as the file's version is the same."""
    data = _parts(file)
    traits = {}
    for name, options in data["parts"].items():
        drawn = int.from_bytes(key("persona", data["version"], number, name)[:8], "big")
        traits[name] = options[drawn % len(options)]
    return Persona(f"persona/{data['version']}/{number}", _plausible(traits, data["parts"], number))


def _plausible(traits: dict[str, str], parts: Mapping[str, list[str]], number: int) -> Mapping[str, str]:
    """Children have no occupation but school, and students are young: an age that does not fit is drawn again."""
    if traits["age"] in ("小学校高学年", "中学生", "高校生"):
        return traits | {"occupation": traits["age"]}
    if traits["occupation"] in ("大学生", "大学院生"):
        return traits | {"age": "二十歳前後" if traits["occupation"] == "大学生" else "二十代後半"}
    if traits["occupation"] == "定年退職した人":
        return traits | {"age": "六十代" if number % 2 else "七十代以上"}
    if traits["age"] == "七十代以上" and traits["occupation"] in ("会社員", "公務員", "駅員", "市役所の窓口担当者"):
        return traits | {"age": "四十代"}
    return traits
