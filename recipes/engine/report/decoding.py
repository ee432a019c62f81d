"""How pages were decoded and which language they are in: counts over all rows that got that far."""

from collections import defaultdict
from dataclasses import dataclass

from recipes.engine.report.fates import Fates

_FAMILIES = {
    "utf-8": "utf8 utf-8 utf_8 utf-8-sig utf_8_sig unicode-1-1-utf-8",
    "cp932": "shift_jis shift-jis sjis x-sjis ms_kanji ms932 cp932 windows-31j csshiftjis shiftjis shift_jisx0213 shift_jis_2004",
    "euc-jp": "euc-jp euc_jp eucjp x-euc-jp x-euc cseucpkdfmtjapanese euc_jis_2004 eucjis2004 euc_jisx0213 eucjp-ms cp51932",
    "iso-2022-jp": "iso-2022-jp iso2022jp iso2022_jp csiso2022jp iso2022_jp_1 iso2022_jp_2 iso2022_jp_3 iso2022_jp_ext",
    "utf-16": "utf-16 utf16 utf_16 utf-16le utf_16_le utf-16be utf_16_be",
    "iso-8859-1": "iso-8859-1 iso8859-1 latin-1 latin1 latin_1 us-ascii ascii windows-1252 cp1252",
}
_FAMILY = {label: family for family, labels in _FAMILIES.items() for label in labels.split()}

REPLACED = ((0, 0), (1, 9), (10, 99), (100, None))
"""Classes of replaced characters a page: lowest and highest number."""


def family(label: str | None) -> str:
    """The family of an encoding's label, so that what was declared can be held against what was used; "" when none was said.

    >>> family("Shift_JIS"), family("cp932"), family(" 'UTF-8' "), family(None), family("gb18030")
    ('cp932', 'cp932', 'utf-8', '', 'gb18030')
    """
    plain = (label or "").strip().strip("\"' ").lower()
    return _FAMILY.get(plain, plain)


@dataclass(frozen=True)
class Decoding:
    """Decoded pages by what the server declared and what was used, by evidence, and by replaced characters."""

    pages: float
    pairs: dict[tuple[str, str], float]
    evidence: dict[str, float]
    """Most frequent first."""
    replaced: list[float]
    """Pages in each class of `REPLACED`."""

    @property
    def agreed(self) -> float:
        """Pages for which the server declared what was used."""
        return sum(n for (declared, used), n in self.pairs.items() if declared == used)

    @property
    def undeclared(self) -> float:
        """Pages for which the server declared nothing."""
        return sum(n for (declared, _), n in self.pairs.items() if not declared)

    @property
    def contradicted(self) -> float:
        """Pages for which the server declared something else."""
        return self.pages - self.agreed - self.undeclared


COLUMNS = ("charset_declared", "encoding", "encoding_evidence", "replaced_chars", "language")
"""Columns that this module reads from `Fates`."""


def decoding(rows: Fates) -> Decoding:
    """Counts over the rows that were decoded (`encoding` is not null)."""
    pairs: dict[tuple[str, str], float] = defaultdict(float)
    evidence: dict[str, float] = defaultdict(float)
    replaced = [0.0] * len(REPLACED)
    columns = [rows.table.column(name).to_pylist() for name in COLUMNS[:4]]
    for declared, used, by, lost, weight in zip(*columns, rows.weight.tolist(), strict=True):
        if used is None:
            continue
        pairs[family(declared), family(used)] += weight
        evidence[by or "?"] += weight
        for i, (low, high) in enumerate(REPLACED):
            if low <= (lost or 0) and (high is None or (lost or 0) <= high):
                replaced[i] += weight
    return Decoding(sum(pairs.values()), pairs, dict(sorted(evidence.items(), key=lambda kv: -kv[1])), replaced)


def languages(rows: Fates) -> list[tuple[str, float, float]]:
    """(language, pages, pages released) of the rows whose language was identified, most frequent first."""
    pages: dict[str, float] = defaultdict(float)
    kept: dict[str, float] = defaultdict(float)
    columns = rows.table.column("language").to_pylist(), rows.released.tolist(), rows.weight.tolist()
    for language, released, weight in zip(*columns, strict=True):
        if language is not None:
            pages[language] += weight
            kept[language] += weight if released else 0.0
    return [(language, n, kept[language]) for language, n in sorted(pages.items(), key=lambda kv: -kv[1])]
