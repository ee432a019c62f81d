"""What a number counts, by the unit written after it: yen, people, minutes, kilograms. Two ways of saying one thing are one kind.

Only units that leave no doubt are known. 度 (degrees, times), キロ (grams, metres) and つ have no kind, and a number that is written
without a unit has none.
"""

import re

_KINDS: dict[str, tuple[str, ...]] = {
    "yen": ("円",),
    "dollars": ("ドル", "米ドル"),
    "euros": ("ユーロ",),
    "pounds": ("ポンド",),
    "won": ("ウォン",),
    "people": ("人", "名"),
    "seconds": ("秒", "秒間"),
    "minutes": ("分", "分間"),
    "hours": ("時間",),
    "clock": ("時",),
    "days": ("日", "日間"),
    "weeks": ("週", "週間"),
    "months": ("か月", "カ月", "ヶ月", "ケ月", "箇月", "ヵ月"),
    "month": ("月",),
    "years": ("年", "年間", "年度"),
    "age": ("歳", "才"),
    "percent": ("%", "パーセント"),
    "kilograms": ("kg", "キログラム"),
    "grams": ("g", "グラム"),
    "kilometres": ("km", "キロメートル"),
    "metres": ("m", "メートル"),
    "centimetres": ("cm", "センチ", "センチメートル"),
    "litres": ("l", "リットル"),
}
KINDS = {unit: kind for kind, units in _KINDS.items() for unit in units}
"""Kind of each unit, as it is written in NFKC and lower case."""
_UNIT = re.compile(
    r"\s?(?:(%)|(" + "|".join(sorted((re.escape(u) for u in KINDS if not u.isascii()), key=len, reverse=True)) + r")"
    r"|(kg|km|cm|[gml])(?![a-z0-9²³/]))",
    re.I,
)
_OTHERS = re.compile(
    r"人前|名(?:所|物|産|店|曲|作|義|字|称|刺|簿)|分(?:の|づき|類|野|割|担|量|解)|時(?:点|代|期|刻)|日(?:本|記)|月(?:面|光)|年(?:代|号|齢)"
)
"""Words that begin with a unit and count something else, or nothing."""


def unit_kind(text: str, at: int) -> str | None:
    """What the number that ends at this place of a text in NFKC counts; None where nothing certain is said.

    >>> unit_kind("会費は35円です。", 5), unit_kind("三分の一の35人前", 7), unit_kind("35 kg", 2), unit_kind("35です", 2)
    ('yen', None, 'kilograms', None)
    """
    found = _UNIT.match(text, at)
    if found is None or _OTHERS.match(text, found.start() + (text[at : at + 1].isspace())):
        return None
    return KINDS[(found[1] or found[2] or found[3]).lower()]
