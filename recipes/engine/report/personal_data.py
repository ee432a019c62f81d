"""Personal data in figures: how many pieces of each type were masked, on how many pages, and how many of them stand in the release.

Only counts are here. The pieces themselves are in no shard behind the step, and so in no report.
"""

from dataclasses import dataclass, field

import pyarrow.compute as pc

from curation.normalise.pii.found import TYPES
from curation.normalise.pii.mask import TOKENS
from curation.normalise.pii.step import MASKED
from recipes.engine.report.fates import all_released
from recipes.engine.run_folder import Run
from recipes.engine.wording import Words

TYPE_WORDS = {
    "email": Words("メールアドレス", "e-mail addresses"),
    "phone": Words("電話番号", "telephone numbers"),
    "postal_code": Words("郵便番号", "postal codes"),
    "address": Words("住所（番地まで）", "addresses (to the house number)"),
    "my_number": Words("個人番号（マイナンバー）", "individual numbers (マイナンバー)"),
    "corporate_number": Words("法人番号", "corporate numbers (法人番号)"),
    "bank_account": Words("口座番号", "bank accounts"),
    "card": Words("カード番号", "card numbers"),
    "passport": Words("旅券番号", "passport numbers"),
    "driving_licence": Words("運転免許証番号", "driving licences"),
    "ip": Words("IP アドレス（公開）", "public IP addresses"),
    "person_name": Words("私人の氏名", "names of private persons"),
}
"""Types in words."""


@dataclass(frozen=True)
class MaskedType:
    """One type: pieces masked and pages with one, of all rows that reached the step, and pieces on released rows."""

    words: Words
    token: str
    pieces: int
    pages: int
    released: int


@dataclass
class PersonalData:
    """What a `mask_personal_data` step of the run did."""

    stage: str
    step: str
    style: str
    rows: int = 0
    types: list[MaskedType] = field(default_factory=list)

    @property
    def title(self) -> Words:
        """How much was masked."""
        pieces = sum(t.pieces for t in self.types)
        if not pieces:
            return Words("個人情報は見つからなかった", "No personal data was found")
        return Words(
            f"個人情報 {pieces:,} 件をマスクした",
            f"{pieces:,} piece{'' if pieces == 1 else 's'} of personal data masked",
        )

    @property
    def lead(self) -> Words:
        """How, and over how many pages."""
        ja = "種類を示す語" if self.style == "token" else "同じ形の別の値"
        en = "a word that names its type" if self.style == "token" else "a value of the same form that is nobody's"
        return Words(
            f"{self.rows:,} ページを調べ、見つけた値を{ja}に置き換えた。値そのものは、この工程より後のどこにも残らない。",
            f"{self.rows:,} pages were looked through; each value found became {en}. No value is kept anywhere behind this step.",
        )


def personal_data(run: Run) -> list[PersonalData]:
    """What each `mask_personal_data` step of the run's chain did, in the order in which they ran."""
    found = []
    for stage, step in run.steps("mask_personal_data"):
        one = PersonalData(stage, step["step"], step["with"].get("style", "token"))
        met: dict[str, float] = {}
        for block in run.about["blocks"]:
            if block["stage"] == stage and block["kind"] == "rows":
                for counts in run.manifest(block).get("steps", ()):
                    if counts["step"] == one.step:
                        met = counts
        one.rows = round(met.get("rows", 0))
        released = _released(run)
        one.types = [
            MaskedType(
                TYPE_WORDS[kind],
                TOKENS[kind],
                round(met.get(f"masked_{kind}", 0)),
                round(met.get(f"pages_with_{kind}", 0)),
                released[kind],
            )
            for kind in TYPES
            if kind in released
        ]
        found.append(one)
    return found


def _released(run: Run) -> dict[str, int]:
    columns = {kind: MASKED[kind] for kind in TYPES if MASKED[kind] in run.release.columns}
    sums = dict.fromkeys(columns, 0)
    for batch in all_released(run, list(columns.values())) if columns else ():
        for kind, name in columns.items():
            sums[kind] += pc.sum(batch.column(name)).as_py() or 0
    return sums
