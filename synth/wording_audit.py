"""What is wrong with wordings: each fault with its place, what was found, and what would be right.

A task repeats its wordings thousands of times, so a slip in one line is a slip in thousands of rows. A program sees what an editor
tires of: copies, styles that mix in one set, two ways of writing one word, half-width marks, slots that nobody fills, counters
that do not go with their noun, and turns of phrase that read as if translated. What is looked for is data
(`synth/wording_rules.yaml`). Lines without kana (code, another language) are read for copies and slots alone.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from synth.verify.answer import LEFT_OUT, Answer, nfkc
from synth.verify.keitai import styles
from synth.wordings import Line, Wordings

RULES = Path(__file__).with_name("wording_rules.yaml")

CHECKS = ("duplicate", "style", "notation", "half_width", "slot", "counter", "translationese")
"""Names of the checks."""

_SLOT = re.compile(r"\{[a-z][a-z0-9_]*\}")
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]+`", re.S)
_KANA = re.compile(r"[ぁ-ゖァ-ヺ]")
_JAPANESE = r"[ぁ-ゖァ-ヺー一-龥々〆。、「」『』（）]"
_NUMBER = r"(?:\d[\d,]*|[一二三四五六七八九十百]+|数|\ufffc)"


class Fault(NamedTuple):
    """One fault. place: the line's id (file/part.number); found: what stands there; right: what would be right."""

    place: str
    check: str
    found: str
    right: str

    def __str__(self) -> str:
        return f"{self.place}: {self.check}: {self.found}; right would be: {self.right}"


@cache
def rules(file: Path = RULES) -> Mapping[str, Any]:
    """What is looked for."""
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def audit_wordings(
    files: Sequence[Wordings],
    known: Mapping[tuple[str, str], frozenset[str]] | None = None,
    outside: frozenset[str] = frozenset(),
) -> list[Fault]:
    """Faults of all lines of some files, in their order.

    known: names that are filled in, by file and part (`synth.wording_slots`); without it, and for the files `outside`, slots are
    read for their form alone.
    """
    lines = [line for file in files for line in file.lines]
    found = [
        *_duplicates(lines),
        *(
            fault
            for file in files
            for part in file.parts
            for fault in _mixed([x for x in file.lines if x.part == part])
        ),
        *_notations(lines),
        *(fault for line in lines for fault in _of_line(line)),
        *(fault for line in lines for fault in _slots(line, None if line.group in outside else known)),
    ]
    excused = {(e["line"], e["check"]) for e in rules()["exceptions"]}
    order = {line.id: i for i, line in enumerate(lines)}
    return sorted((f for f in found if (f.place, f.check) not in excused), key=lambda f: (order[f.place], f.check))


def _plain(line: Line) -> str:
    """The text as a reader sees it: code left out, a slot as one mark."""
    return _CODE.sub(lambda m: LEFT_OUT * len(m[0]), _SLOT.sub(LEFT_OUT, line.text))


def _japanese(line: Line) -> bool:
    return _KANA.search(_SLOT.sub("", line.text)) is not None


def _duplicates(lines: Iterable[Line]) -> Iterator[Fault]:
    """Lines that say the same in the same part, and requests that stand in two files."""
    seen: dict[tuple[str, str], Line] = {}
    for line in lines:
        text = nfkc(line.text).casefold()
        normal = re.sub(r"[^\w{}]|_", "", text)
        if not re.sub(r"\{\w+\}", "", normal):
            normal = text  # 「・{text}」 and 「- {text}」 differ in their marks alone
        wide = len(re.sub(r"\{\w+\}", "", normal)) >= 25  # short answers (「はい」) may be said anywhere
        for scope in (f"{line.group}/{line.part}", "" if wide else line.id):
            first = seen.setdefault((scope, normal), line)
            if first is not line:
                yield Fault(line.id, "duplicate", f"says the same as {first.id}", "one of them, or other words")
                break


def _mixed(part: Sequence[Line]) -> Iterator[Fault]:
    """敬体 and 常体 in one line, or in the lines of one part. Forms with headings (# 指示 …すること。) are a set of their own."""
    for headed in (False, True):
        yield from _mixed_set([line for line in part if line.text.startswith("# ") == headed])


def _mixed_set(part: Sequence[Line]) -> Iterator[Fault]:
    counts: Counter[str] = Counter()
    of_line: list[tuple[Line, dict[str, str]]] = []
    for line in part:
        if _japanese(line):
            # a slot stands for a word: a noun that no sentence ends differently for
            text = _CODE.sub("", _SLOT.sub("米", line.text))
            found = {
                styled.style: sentence.text for sentence, styled in styles(Answer(text)) if styled.style is not None
            }
            kept = {style: text for style, text in found.items() if style in ("keitai", "jotai")}
            counts.update(kept.keys())
            of_line.append((line, kept))
    names = {"keitai": "敬体", "jotai": "常体"}
    usual = "keitai" if counts["keitai"] >= counts["jotai"] else "jotai"
    other = "jotai" if usual == "keitai" else "keitai"
    if counts[usual] and counts[other]:
        for line, kept in of_line:
            if other in kept:
                yield Fault(
                    line.id, "style", f"{names[other]}: {kept[other].strip()[:40]}", f"{names[usual]}, like the rest"
                )


def _notations(lines: Sequence[Line]) -> Iterator[Fault]:
    texts = [(line, _plain(line)) for line in lines if _japanese(line)]
    for rule in rules()["notation"]:
        if isinstance(rule, dict):
            ways, right = {rule["other"]: rule["other"]}, rule["prefer"]
        else:
            name, ways = rule
            counts = {way: sum(len(re.findall(p, text)) for _, text in texts) for way, p in ways.items()}
            right = max(counts, key=lambda way: counts[way])
            ways = {way: p for way, p in ways.items() if way != right}
            right = f"{right} ({name}, {counts[right]} times in all)"
        for line, text in texts:
            for pattern in ways.values():
                if m := re.search(pattern, text):
                    yield Fault(line.id, "notation", m[0], right)


def _of_line(line: Line) -> Iterator[Fault]:
    if not _japanese(line):
        return
    text = _plain(line)
    marks = rules()["half_width"]
    text = re.sub(r"\([\d\ufffc+\-×÷*/. ]+\)", LEFT_OUT, text)  # a calculation
    mark = "[" + re.escape("".join(marks)) + "]"
    for m in re.finditer(rf"(?<={_JAPANESE}){mark}|{mark}(?={_JAPANESE})", text):
        if not (m[0] == "." and re.search(r"\d$", text[: m.start()])):
            yield Fault(line.id, "half_width", _around(text, m), marks[m[0]])
    for rule in rules()["translationese"]:
        if m := re.search(rule["pattern"], text):
            yield Fault(line.id, "translationese", m[0].strip("。\n")[:40], rule["right"])
    yield from _counters(line, text)


def _around(text: str, m: re.Match[str]) -> str:
    return text[max(0, m.start() - 6) : m.end() + 6].replace("\n", " ").replace(LEFT_OUT, "…")


def _counters(line: Line, text: str) -> Iterator[Fault]:
    """Numbers with a counter that does not go with the noun: 3個の人, 犬を2冊."""
    known, nouns = rules()["counters"]["known"], rules()["counters"]["nouns"]
    counter = "|".join(sorted(known, key=len, reverse=True))
    noun = "|".join(sorted(nouns, key=len, reverse=True))
    before = rf"{_NUMBER}({counter})の({noun})(?![一-龥々ァ-ヺー])"
    after = rf"(?<![一-龥々ァ-ヺー])({noun})(?:を|が|は|も|、)?{_NUMBER}({counter})(?![目数棚前口章物品門間ァ-ヺー])"
    for pattern, order in ((before, (1, 2)), (after, (2, 1))):
        for m in re.finditer(pattern, text):
            used, what = m[order[0]], m[order[1]]
            if used not in nouns[what]:
                yield Fault(
                    line.id, "counter", m[0].replace(LEFT_OUT, "…"), f"{what} is counted in {'・'.join(nouns[what])}"
                )


def _slots(line: Line, known: Mapping[tuple[str, str], frozenset[str]] | None) -> Iterator[Fault]:
    """Braces that are no slot and look like one, slots that nobody fills."""
    rest = _CODE.sub("", _SLOT.sub("", line.text))
    for m in re.finditer(
        r"\{\s*[\w ]*\s*\}|\{\{.*?\}\}|[｛].*?[｝]|\{[a-z_]+(?![a-z0-9_}])|(?<![a-z0-9_{])[a-z_]+\}", rest
    ):
        yield Fault(line.id, "slot", m[0], "{name} in small Latin letters, digits and _")
    if known is None:
        return
    filled = known.get((line.group, line.part))
    for slot in sorted(line.slots):
        if filled is None:
            yield Fault(line.id, "slot", f"{{{slot}}} in a part that no task draws", "a part of a task, or no line")
        elif slot not in filled:
            yield Fault(
                line.id,
                "slot",
                f"{{{slot}}} is never filled",
                "one of " + ", ".join(f"{{{n}}}" for n in sorted(filled)),
            )
