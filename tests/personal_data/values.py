"""Made-up personal data and look-alikes by name of slot: what fills the contexts of `contexts.yaml`.

Check digits are computed here by other means than the rules do (by trying all ten), numbers are random, places are real names with
random house numbers, and nobody is meant. `{!card}` is filled as `{card}` is, but is no planted piece.
"""

import ipaddress
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import yaml

HERE = Path(__file__).resolve().parent
WIDE = str.maketrans({chr(c): chr(c + 0xFEE0) for c in range(0x21, 0x7F)} | {" ": "\u3000"})
KANJI = str.maketrans("0123456789", "〇一二三四五六七八九")
SLOT = re.compile(r"\{(!?)(\w+)(?::(\d+))?\}")
SURNAMES = (
    "佐藤 鈴木 高橋 田中 伊藤 渡辺 山本 中村 小林 加藤 吉田 山田 佐々木 山口 松本 井上 木村 林 清水 斎藤 "
    "石川 前田 藤田 小川 岡田 後藤 長谷川 村上 近藤 石井"
).split()
GIVEN = (
    "太郎 花子 一郎 美咲 健太 陽子 翔太 愛 大輔 恵子 直樹 由美 拓也 裕子 和也 真由美 誠 久美子 浩二 智子 "
    "達也 さくら 亮 あかり 隆 明美 健一 幸子 剛 京子"
).split()
BANKS = (
    "みずほ銀行 三菱UFJ銀行 りそな銀行 千葉銀行 横浜銀行 京都信用金庫 静岡銀行 城南信用金庫 北海道銀行 労働金庫".split()
)
BRANCHES = "渋谷支店 本店営業部 駅前支店 八重洲支店 大通支店 中央支店 梅田支店 東口出張所".split()
BUILDINGS = (
    "コーポ山田 メゾン白樺 サンハイツ グリーンマンション 第二若葉荘 中央ビル リバーサイドタワー パークハイム".split()
)


class Planted(NamedTuple):
    """A text, and the pieces of personal data in it: (type, start, end)."""

    text: str
    pieces: tuple[tuple[str, int, int], ...]
    group: str
    kind: str


class Values:
    """Fills slots, the same way for the same seed. `places`: (prefecture, municipality, town) to make addresses of."""

    def __init__(self, places: list[tuple[str, str, str]], seed: int = 0):
        self.rng = random.Random(seed)
        self.places = places

    def digits(self, n: int) -> str:
        return "".join(self.rng.choice("0123456789") for _ in range(n))

    def until(self, right: Callable[[str], bool], made: Callable[[], str]) -> str:
        while not right(found := made()):
            pass
        return found

    def my_number_bare(self) -> str:
        body = self.digits(11)
        q = [6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]
        rest = sum(int(a) * b for a, b in zip(body, q, strict=True)) % 11
        return body + str(0 if rest <= 1 else 11 - rest)

    def corporate_number(self) -> str:
        body = self.digits(12)
        weighted = sum(int(d) * (2 if i % 2 == 0 else 1) for i, d in enumerate(body))
        return str(9 - weighted % 9) + body

    def driving_licence(self) -> str:
        body = self.rng.choice(["10", "20", "30", "44", "45", "54", "62", "63", "73", "90", "97"]) + self.digits(8)
        weighted = sum(int(d) * w for d, w in zip(body, [5, 4, 3, 2, 7, 6, 5, 4, 3, 2], strict=True))
        return body + str(11 - weighted % 11)[-1] + self.rng.choice("00001")

    def luhn(self, head: str, size: int) -> str:
        body = head + self.digits(size - 1 - len(head))
        for last in "0123456789":
            total = 0
            for i, c in enumerate(reversed(body + last)):
                d = int(c) * (1 + i % 2)
                total += d // 10 + d % 10
            if total % 10 == 0:
                return body + last
        raise AssertionError

    def card_bare(self) -> str:
        return self.luhn(self.rng.choice(["4", "51", "55", "3530", "4980"]), 16)

    def four_by_four(self, number: str, gap: str = " ") -> str:
        return gap.join(number[i : i + 4] for i in range(0, len(number), 4))

    def phone(self) -> str:
        area = self.rng.choice(["03", "06", "045", "052", "075", "011", "0166", "0258", "0436", "0980", "04992"])
        middle = self.digits(6 - len(area))
        return f"{area}-{self.rng.choice('23456789') + middle[1:]}-{self.digits(4)}"

    def mobile(self) -> str:
        return f"0{self.rng.choice('789')}0-{self.rng.choice('123456789')}{self.digits(3)}-{self.digits(4)}"

    def phone_brackets(self) -> str:
        area, middle, last = self.phone().split("-")
        return self.rng.choice([f"({area}){middle}-{last}", f"{area}({middle}){last}", f"（{area}）{middle}-{last}"])

    def zip(self) -> str:
        return f"{self.digits(3)}-{self.digits(4)}"

    def place(self) -> tuple[str, str, str]:
        return self.rng.choice(self.places)

    def address(self) -> str:
        prefecture, city, town = self.place()
        n = self.rng.randint
        house = self.rng.choice([f"{n(1, 9)}-{n(1, 30)}-{n(1, 30)}", f"{n(1, 40)}-{n(1, 30)}", f"{n(1, 3000)}番地"])
        return f"{prefecture}{city}{town}{house}"

    def address_chome(self) -> str:
        prefecture, city, town = self.place()
        n = self.rng.randint
        ending = self.rng.choice([f"{n(1, 20)}番{n(1, 30)}号", f"{n(1, 20)}-{n(1, 30)}", f"{n(1, 30)}番地{n(1, 9)}"])
        return f"{prefecture}{city}{town}{n(1, 9)}丁目{ending}"

    def address_kanji(self) -> str:
        prefecture, city, town = self.place()
        one, two, three = (self.rng.choice("一二三四五六七八九") for _ in range(3))
        return f"{prefecture}{city}{town}" + self.rng.choice(
            [f"{one}丁目{two}番{three}号", f"十{one}番地", f"{one}丁目{two}番地の{three}"]
        )

    def address_banchi(self) -> str:
        prefecture, city, town = self.place()
        n = self.rng.randint
        ending = self.rng.choice([f"{n(1, 3000)}番地{n(1, 20)}", f"{n(1, 3000)}番地の{n(1, 20)}", f"{n(1, 3000)}番地"])
        return f"{prefecture}{city}{self.rng.choice(['', '', '大字'])}{town}{ending}"

    def address_no_pref(self) -> str:
        _, city, town = self.place()
        n = self.rng.randint
        return f"{city}{town}{n(1, 9)}-{n(1, 30)}-{n(1, 30)}"

    def address_room(self) -> str:
        gap = self.rng.choice(["", " ", "\u3000"])
        room = self.rng.choice([f"{self.rng.randint(101, 909)}号室", f" {self.rng.randint(101, 909)}"])
        return f"{self.address_no_house()}{gap}{self.rng.choice(BUILDINGS)}{room}"

    def address_no_house(self) -> str:
        prefecture, city, town = self.place()
        n = self.rng.randint
        return f"{prefecture}{city}{town}{n(1, 9)}-{n(1, 30)}-{n(1, 30)}"

    def ip(self) -> str:
        def made() -> str:
            return ".".join(str(self.rng.randint(11, 254)) for _ in range(4))

        return self.until(lambda a: ipaddress.ip_address(a).is_global and int(a.split(".")[0]) < 224, made)

    def ip6(self) -> str:
        n = self.rng.randint
        return f"{self.rng.choice(['2400', '240b', '2001'])}:{n(0x1000, 0xFFF0):x}:{n(1, 0xFFF):x}::{n(1, 0xFF):x}"

    def email(self) -> str:
        user = self.rng.choice(["taro", "info", "hanako.s", "kome_ya", "soumu-ka", "a.b.c", "user01", "m+list"])
        hosts = ["example.jp", "mail.example.co.jp", "example.com", "gakko.example.ac.jp", "example.ne.jp"]
        return f"{user}{self.rng.choice(['', '7', '2026'])}@{self.rng.choice(hosts)}"

    def tracking(self) -> str:
        body = self.digits(11)
        return self.four_by_four(body + str(int(body) % 7), "-")

    def isbn13(self) -> str:
        body = "9784" + self.digits(8)
        return body + str(-sum(int(d) * (3 if i % 2 else 1) for i, d in enumerate(body)) % 10)

    def person_name(self) -> str:
        return self.rng.choice(SURNAMES) + self.rng.choice(["", "", " ", "\u3000"]) + self.rng.choice(GIVEN)

    def value(self, name: str, size: str | None) -> str:
        """What a slot is filled with."""
        n = self.rng.randint
        made: dict[str, Callable[[], str]] = {
            "d": lambda: self.digits(int(size or 1)),
            "D": lambda: self.digits(int(size or 1)).translate(WIDE),
            "email_wide": lambda: self.email().translate(WIDE),
            "email_at": lambda: self.email().replace("@", "＠"),
            "phone_wide": lambda: self.phone().translate(WIDE).replace("－", self.rng.choice("－ー−")),
            "mobile_wide": lambda: self.mobile().translate(WIDE),
            "phone_kanji": lambda: self.phone().translate(KANJI).replace("-", self.rng.choice("-ー－")),
            "mobile_kanji": lambda: self.mobile().translate(KANJI).replace("-", self.rng.choice(["", "-", "ー"])),
            "phone_bare": lambda: self.phone().replace("-", ""),
            "mobile_bare": lambda: self.mobile().replace("-", ""),
            "mobile_dots": lambda: self.mobile().replace("-", "."),
            "phone_space": lambda: self.phone().replace("-", " "),
            "free_phone": lambda: self.rng.choice(
                [f"0120-{self.digits(3)}-{self.digits(3)}", f"0800-{self.digits(3)}-{self.digits(4)}"]
            ),
            "navi_phone": lambda: f"0570-{self.digits(3)}-{self.digits(3)}",
            "ip_phone": lambda: f"050-{n(3000, 9999)}-{self.digits(4)}",
            "intl_phone": lambda: "+81-" + self.rng.choice([self.phone, self.mobile])()[1:],
            "postal_code": self.zip,
            "postal_code_wide": lambda: self.zip().translate(WIDE),
            "postal_code_bare": lambda: self.digits(7),
            "postal_code_kanji": lambda: self.zip().translate(KANJI).replace("-", "－"),
            "address_wide": lambda: self.address().translate(WIDE),
            "my_number": lambda: self.four_by_four(self.my_number_bare()),
            "my_number_hyphen": lambda: self.four_by_four(self.my_number_bare(), "-"),
            "my_number_wide": lambda: self.my_number_bare().translate(WIDE),
            "corporate_number_wide": lambda: self.corporate_number().translate(WIDE),
            "corporate_number_hyphen": lambda: (c := self.corporate_number())[0] + "-" + self.four_by_four(c[1:], "-"),
            "driving_licence_wide": lambda: self.driving_licence().translate(WIDE),
            "bank_account": lambda: self.digits(7),
            "bank_account_wide": lambda: self.digits(7).translate(WIDE),
            "yucho_mark": lambda: "1" + self.digits(4),
            "furikae": lambda: f"00{self.digits(3)}-{self.digits(1)}-{self.digits(self.rng.randint(4, 6))}",
            "card": lambda: self.four_by_four(self.card_bare()),
            "card_hyphen": lambda: self.four_by_four(self.card_bare(), "-"),
            "card_wide": lambda: self.four_by_four(self.card_bare()).translate(WIDE),
            "card_visa": lambda: self.four_by_four(self.luhn("4", 16)),
            "card_jcb": lambda: self.four_by_four(self.luhn("3540", 16)),
            "card_master": lambda: self.four_by_four(self.luhn("53", 16)),
            "card_amex": lambda: (c := self.luhn("37", 15))[:4] + " " + c[4:10] + " " + c[10:],
            "card_diners": lambda: (c := self.luhn("36", 14))[:4] + " " + c[4:10] + " " + c[10:],
            "imei": lambda: self.luhn("35", 15),
            "passport": lambda: self.rng.choice(["TR", "MU", "TZ", "NH", "XS"]) + self.digits(7),
            "passport_wide": lambda: (self.rng.choice(["TR", "MU"]) + self.digits(7)).translate(WIDE),
            "isbn13h": lambda: (i := self.isbn13())[:3] + "-4-" + i[4:8] + "-" + i[8:12] + "-" + i[12],
            "isbn10h": lambda: f"0-{self.digits(3)}-{self.digits(5)}-{self.digits(1)}",
            "jan13": lambda: "49" + self.isbn13()[2:],
            "date": lambda: f"{n(1990, 2026)}-{n(1, 12):02}-{n(1, 28):02}",
            "version4": lambda: f"{n(1, 40)}.{n(0, 40)}.{n(0, 99)}.{n(0, 200)}",
            "bank": lambda: self.rng.choice(BANKS),
            "branch": lambda: self.rng.choice(BRANCHES),
            "pref": lambda: self.place()[0],
            "city": lambda: self.place()[1],
            "town": lambda: self.place()[2],
        }
        return made[name]() if name in made else getattr(self, name)()


TYPE_OF = {
    **{f"mobile{x}": "phone" for x in ("", "_wide", "_kanji", "_bare", "_dots")},
    **{f"{x}_phone": "phone" for x in ("free", "navi", "ip", "intl")},
    "zip": "postal_code",
    "yucho_mark": "bank_account",
    "furikae": "bank_account",
    "ip6": "ip",
}
NO_DATA = {
    "d",
    "D",
    "date",
    "isbn13h",
    "isbn10h",
    "isbn13",
    "jan13",
    "tracking",
    "version4",
    "imei",
    "bank",
    "branch",
    "pref",
    "city",
    "town",
}
TYPES = "email phone postal_code address my_number corporate_number bank_account card passport driving_licence ip person_name".split()


def type_of(slot: str) -> str | None:
    """Type of personal data of a slot; None for what is none."""
    if slot in NO_DATA:
        return None
    return TYPE_OF.get(slot) or next(t for t in sorted(TYPES, key=len, reverse=True) if slot.startswith(t))


def fill(context: str, values: Values, kind: str, group: str) -> Planted:
    """A context with its slots filled."""
    parts: list[str] = []
    pieces: list[tuple[str, int, int]] = []
    at = length = 0
    for slot in SLOT.finditer(context):
        parts.append(context[at : slot.start()])
        length += len(parts[-1])
        said = values.value(slot[2], slot[3])
        found = None if slot[1] else type_of(slot[2])
        if found:
            pieces.append((found, length, length + len(said)))
        parts.append(said)
        length += len(said)
        at = slot.end()
    return Planted("".join([*parts, context[at:]]), tuple(pieces), group, kind)


def planted(
    places: list[tuple[str, str, str]], times: int = 10, seed: int = 0, name: str = "contexts.yaml"
) -> list[Planted]:
    """Every context, filled `times` times."""
    contexts: dict[str, Any] = yaml.safe_load((HERE / name).read_text(encoding="utf-8"))
    values = Values(places, seed)
    return [
        fill(context, values, kind, group)
        for kind, groups in contexts.items()
        for group, listed in groups.items()
        for context in listed
        for _ in range(times)
    ]


class Score(NamedTuple):
    """Planted pieces of a type, those found exactly, and masks of that type that stand where no such piece was planted."""

    planted: int
    found: int
    false: int

    @property
    def recall(self) -> float:
        return self.found / self.planted if self.planted else 1.0

    @property
    def precision(self) -> float:
        return self.found / (self.found + self.false) if self.found + self.false else 1.0


def scores(
    texts: list[Planted], find: Callable[[str], list[tuple[str, int, int]]]
) -> tuple[dict[str, Score], list[tuple[str, Planted, Any]]]:
    """Score of each type, and what went wrong: a piece counts as found only where type and both ends are exact."""
    counts = {t: [0, 0, 0] for t in TYPES}
    wrong: list[tuple[str, Planted, Any]] = []
    for text in texts:
        found = {tuple(f) for f in find(text.text)}
        for piece in text.pieces:
            counts[piece[0]][0] += 1
            if piece in found:
                counts[piece[0]][1] += 1
            else:
                wrong.append(("missed", text, piece))
        for piece in found - set(text.pieces):
            counts[piece[0]][2] += 1
            wrong.append(("false", text, piece))
    return {t: Score(*c) for t, c in counts.items()}, wrong
