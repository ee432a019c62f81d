"""Addresses from the municipality (or its prefecture) to the house number, with the building and room behind it, in folded text.

A name of a municipality is no address, nor is one with any number behind it (千葉市で10月5日): what follows must be a town that
Japan Post lists for that municipality, or, behind a prefecture, 〒 or 住所, something made like one, and then a house number
(一丁目2番3号, 1-2-3, 123番地4, 〇〇第10地割5). A bare number counts only behind a listed town and a prefecture or label.
"""

import re
from collections.abc import Iterator

from curation.normalise.pii.found import Found
from curation.normalise.pii.places import ONE_GA, Place, longest, place_at, places

_D, _N = r"[0-9]{1,5}", r"(?:[0-9]{1,5}|[一二三四五六七八九十百千〇]{1,6})"
_J = r"(?: ?- ?|[のノ之])"
_TAIL = rf"(?: ?{_J} ?{_N}(?![0-9])| ?(?!0){_N}(?![0-9-]))?"
_UNIT = (
    r"(?![0-9,.])(?! ?(?:年|月|日|時|分|秒|人|名|件|円|歳|才|回|%|km|kg|m|cm|度|位|個|台|本|冊|枚|票|点|児|"
    r"階建|代|世紀|頭|区画|戸|校|団体|か所|ヶ所|カ所|対|勝))"
)
_HOUSE = re.compile(
    rf"(?:{_N} ?丁目 ?{_N} ?(?:番地?|街区)?{_TAIL}(?: ?号)?(?:{_J}{_D})*(?: ?番地?| ?号(?!室|棟))?"
    rf"|{_D}(?: ?- ?{_D}){{1,4}}(?: ?番地| ?号(?!室|棟))?"
    rf"|{_N} ?番地{_TAIL}(?:{_J}{_D})*(?: ?号(?!室|棟))?"
    rf"|{_N} ?番 ?{_N} ?号"
    rf"|{_N}[のノ之]{_N}(?:[のノ之]{_N})*(?: ?番地| ?号)?"
    rf"|第?{_N}地割(?:字[一-鿿々ヶノァ-ヺー]{{1,8}}?)? ?{_N}(?:{_J}{_N})*(?: ?番地?(?:{_J}?{_N})?)?(?:{_J}{_D})*)"
    + _UNIT
)
_PLAIN_NUMBER = re.compile(
    rf"{_D}(?: ?番)?(?![0-9-])(?! ?[番のノA-Za-z]){_UNIT}(?=[\s、。,)」】｜|（(]|$|電|℡|☎|T|に|で|です|へ|の自宅|在住|居住)"
)
_MADE_LIKE_A_TOWN = re.compile(
    r"(?:大字|字)?[一-鿿々〆ヶケノァ-ヺー]{1,12}?(?:の里|が丘|ヶ丘|が原|が関|[東西南北]?[0-9]{1,2}条(?:[東西南北][0-9]{1,2}(?=丁目))?)?"
    r"[一-鿿々ヶノァ-ヺー]{0,12}?(?= ?(?:第?[0-9]|[一二三四五六七八九十〇]))"
)
_SMALLER = re.compile(
    r"(?:(?:大字|小字|字)?[一-鿿々〆ヶケノァ-ヺー甲乙丙丁]{1,12}?)?(?= ?(?:第?[0-9]|[一二三四五六七八九十〇]))"
)
_STREETS = re.compile(
    r"[一-鿿々ヶノァ-ヺー]{1,10}(?:上る|上ル|下る|下ル|東入る?|西入る?|東入ル|西入ル)(?:[一-鿿々ヶノァ-ヺー]{1,4}(?:丁目|町目))?"
)
_BUILDING = re.compile(
    r" ?(?:(?:[ァ-ヺーA-Za-z一-鿿々・.の]{0,20}?(?:第[0-9一二三])?[ァ-ヺーA-Za-z一-鿿々・]{0,12}?"
    r"(?:ビルディング|ビル|マンション|ハイツ|コーポ|荘|アパート|タワー|レジデンス|メゾン|ハウス|パレス|プラザ|ハイム|団地|寮|館|コート|ヴィラ)"
    r"[ァ-ヺーA-Za-z一-鿿々]{0,8})?(?: ?[0-9A-Z]{1,2}号?棟)? ?-?[0-9A-Z]{1,5}(?:号室|号|F|階)?(?![0-9-])"
    r"|(?:[ァ-ヺーA-Za-z一-鿿々・]{1,20}?(?:ビルディング|ビル|マンション|ハイツ|コーポ|荘|アパート|レジデンス|ハイム|団地)))"
)
_ROOM = re.compile(
    r"号室|ビル|マンション|ハイツ|コーポ|荘|アパート|タワー|レジデンス|メゾン|ハウス|パレス|プラザ|ハイム|団地|寮|館|コート|ヴィラ|"
    r"[0-9]F|[0-9]階"
)
_LAST_LETTER = re.compile("[都道府県市区町村]")
_LABEL = re.compile(
    r"(?:〒[ 0-9〇一-九-]{0,10}|(?:住所|所在地|送付先|宛先|届け先|送り先|本籍|住居|会場|勤務先|場所|アクセス)[^。\n]{0,6}?)"
    r"[\s:(は】|「]{0,4}$"
)


def addresses(text: str) -> Iterator[Found]:
    """Addresses with a house number.

    >>> [t[f.start:f.end] for t in ["〒100-8918 東京都千代田区霞が関二丁目1番3号へ"] for f in addresses(t)]
    ['東京都千代田区霞が関二丁目1番3号']
    >>> [*addresses("東京都千代田区で10月5日に、千代田区霞が関1丁目の人口は3人")]
    []
    """
    known, past = places(), 0
    for at in sorted(_beginnings(text)):
        if at < past:
            continue
        name = place_at(text, at)
        end = _end_of_address(text, at, at + len(name), known[name])
        if end:
            yield Found("address", at, end)
            past = end


def _beginnings(text: str) -> set[int]:
    """Where names of places begin: looked for backwards from the few characters by which they all end."""
    known, most = places(), longest()
    return {
        at
        for last in _LAST_LETTER.finditer(text)
        for at in range(max(0, last.end() - most), last.start())
        if text[at : last.end()] in known
    }


def _end_of_address(text: str, start: int, at: int, place: Place) -> int:
    """Where the address ends whose first name ends at `at`; 0 if it is none."""
    if not place.municipality:  # a prefecture, then perhaps a space and the municipality
        behind = at + (text[at : at + 1] == " ")
        name = place_at(text, behind)
        if not name or not (place := places()[name]).municipality or behind == at:
            return 0
        at, place = behind + len(name), place._replace(prefecture=True)
    at += text[at : at + 1] == " "
    strong = place.prefecture or _LABEL.search(text, max(0, start - 24), start) is not None
    streets = _STREETS.match(text, at)
    town = _town_at(text, streets.end() if streets else at, place.towns)
    behind_town = (streets.end() if streets else at) + len(town)
    if town and (end := _house(text, behind_town, bare=strong)):
        return end
    if town and (more := _SMALLER.match(text, behind_town)) and (end := _house(text, more.end(), bare=False)):
        return end
    if not strong:
        return 0
    like = _MADE_LIKE_A_TOWN.match(text, at)
    while like:
        if end := _house(text, like.end(), bare=False):
            return end
        nearer = re.compile(
            r"[0-9一二三四五六七八九十〇]+[^0-9一二三四五六七八九十〇\s、。はがをでに]{1,8}?(?= ?[0-9一二三四五六七八九十〇])"
        )
        like = nearer.match(text, like.end())
    return _house(text, at, bare=False)


def _town_at(text: str, at: int, towns: frozenset[str]) -> str:
    """The longest listed town there, 大字 or 字 before it included, or ""."""
    prefix = next((p for p in ("大字", "字") if text.startswith(p, at)), "")
    there = text[at : at + 16].translate(ONE_GA)
    for lead in dict.fromkeys(("", prefix)):
        begin = len(lead)
        for size in range(min(14, len(there) - begin), 0, -1):
            if there[begin : begin + size] in towns:
                return text[at : at + begin + size]
    return ""


def _house(text: str, at: int, bare: bool) -> int:
    """Where the house number at `at` ends, building and room included; 0 where there is none. `bare`: one number is enough."""
    at += text[at : at + 1] == " "
    house = _HOUSE.match(text, at) or (_PLAIN_NUMBER.match(text, at) if bare else None)
    if house is None:
        return 0
    end = house.end()
    building = _BUILDING.match(text, end)
    if building and _ROOM.search(building[0]):
        end = building.end()
    return end - (text[end - 1] == " ")
