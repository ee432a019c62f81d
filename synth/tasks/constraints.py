"""Constraint following: an instruction with constraints that must all hold, in the form `# 指示 / # 制約 / # 出力`.

Two sorts. *write*: a short text about a theme under two to four constraints that can hold together (`feasibility`); a model writes
it. *arrange*: given words in 五十音順 and a given form, with a line before or after; a program writes it, since all is determined.
"""

import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Literal

import yaml

from synth.seed import Seed
from synth.tasks.draw import Draw
from synth.tasks.task import Instance, Task, TaskError, Turn, checks
from synth.verify.constraint import parse
from synth.verify.feasibility import conflict
from synth.verify.lists import gojuon

WORDS = Path(__file__).parent.parent / "seeds" / "words.yaml"
Spec = Mapping[str, Any]
Made = tuple[str, list[Spec]]
"""A constraint in words, and its specs."""


@cache
def words() -> Mapping[str, Any]:
    """Words, themes and season words."""
    return yaml.safe_load(WORDS.read_text(encoding="utf-8"))


class Constraints(Task):
    """sort: `write`, `arrange` or `both`. most: constraints of a text at most, from 2 to 4."""

    name: ClassVar[str] = "constraints"
    function: ClassVar[str] = "constraint_following"
    version: ClassVar[str] = "1"
    group: ClassVar[str] = "constraints"

    def __init__(self, *, sort: Literal["write", "arrange", "both"] = "both", most: int = 4):
        if not 2 <= most <= 4:
            raise TaskError(f"constraints: most is from 2 to 4, not {most}")
        self.sort, self.most = sort, most

    def make(self, draw: Draw, passage: Seed | None) -> Instance:
        """A text to write, or words to arrange."""
        writes = self.sort == "write" or (self.sort == "both" and draw.chance(50))
        return _write(draw, self.most) if writes else _arrange(draw)


def _arrange(draw: Draw) -> Instance:
    group = draw.one(words()["groups"])
    chosen = draw.some(sorted(group["words"].items()), draw.integer(4, 8))
    order = draw.one(("kana", "kana", "kana_down"))
    listed = sorted(chosen, key=lambda w: gojuon(w[1]), reverse=order == "kana_down")
    names = [name for name, _ in listed]
    form = draw.one(("numbered", "bullets", "commas", "json", "table"))
    rules = [draw.say(f"c_{order}"), draw.say(f"c_{form}")]
    body, spec = FORMS[form](names)
    spec.append({"kind": "keyword_order", "keywords": names})
    if form in ("numbered", "bullets") and draw.chance(50):
        end = draw.one(("first", "last"))
        phrase = draw.say(f"phrase_{end}")
        rules.append(draw.say(f"c_{end}", phrase=phrase))
        body = f"{phrase}\n{body}" if end == "first" else f"{body}\n{phrase}"
        spec.append({"kind": f"{'start' if end == 'first' else 'end'}_phrase", "phrase": phrase})
        spec.append({"kind": "line_count", "min": body.count("\n") + 1, "max": body.count("\n") + 1})
    else:
        rules.append(draw.say("c_only"))
        spec.append({"kind": "char_count", "max": len(body) + 12, "newlines": "skip"})
    line = draw.line("arrange")
    given = "、".join(name for name, _ in chosen)
    prompt = line.fill(group=group["name"], words=given, items=_items(draw, rules))
    return Instance((Turn("user", prompt), Turn("assistant", checks=checks(*spec), answer=body)), line.id)


def _numbered(names: list[str]) -> tuple[str, list[Spec]]:
    body = "\n".join(f"{i}. {name}" for i, name in enumerate(names, 1))
    return body, [{"kind": "numbered_count", "min": len(names), "max": len(names)}]


def _bullets(names: list[str]) -> tuple[str, list[Spec]]:
    spec = {"kind": "bullet_count", "min": len(names), "max": len(names), "marks": "・"}
    return "\n".join(f"・{name}" for name in names), [spec]


def _commas(names: list[str]) -> tuple[str, list[Spec]]:
    return "、".join(names), [{"kind": "keyword_count", "keyword": "、", "min": len(names) - 1, "max": len(names) - 1}]


def _json(names: list[str]) -> tuple[str, list[Spec]]:
    schema = {"type": "array", "items": {"enum": sorted(names)}, "minItems": len(names), "maxItems": len(names)}
    return json.dumps(names, ensure_ascii=False), [{"kind": "json_schema", "schema": schema}]


def _table(names: list[str]) -> tuple[str, list[Spec]]:
    rows = "\n".join(f"| {i} | {name} |" for i, name in enumerate(names, 1))
    return f"| 番号 | 名前 |\n|---|---|\n{rows}", [
        {"kind": "table_form", "columns": ["番号", "名前"], "rows": len(names)}
    ]


FORMS: Mapping[str, Callable[[list[str]], tuple[str, list[Spec]]]] = {
    "numbered": _numbered, "bullets": _bullets, "commas": _commas, "json": _json, "table": _table,
}  # fmt: skip
"""Words in a form, with the spec of that form."""


def _write(draw: Draw, most: int) -> Instance:
    theme = draw.one(words()["themes"])
    wanted = draw.integer(2, most)
    rules: list[str] = []
    spec: list[Spec] = []
    for part in draw.shuffled(sorted(WRITTEN)):
        if len(rules) == wanted:
            break
        before = len(draw.lines)
        said, more = WRITTEN[part](draw, theme)
        made = [parse(one) for one in (*spec, *more)]
        if any(conflict(a, b) for i, a in enumerate(made) for b in made[i + 1 :]) or _crowded(spec, more):
            del draw.lines[before:]
            continue
        rules.append(said)
        spec += more
    line = draw.line("write")
    prompt = line.fill(theme=theme["name"], items=_items(draw, rules))
    also = {"kind": "response_language", "language": "ja"}
    return Instance((Turn("user", prompt), Turn("assistant", checks=checks(*spec, also))), line.id)


def _crowded(spec: list[Spec], more: list[Spec]) -> bool:
    """Whether two constraints are about the same thing: they may hold together and are one too many, or hard to satisfy at once."""
    kinds = [one["kind"] for one in (*spec, *more)]
    if len(kinds) != len(set(kinds)) and any(kinds.count(k) > 1 for k in ALONE):
        return True
    return any(a in kinds and b in kinds for a, b in APART)


ALONE = ("char_count", "keitai", "sentence_count", "paragraph_count", "start_phrase", "title", "keyword_count")
APART = (
    ("bullet_count", "sentence_count"), ("bullet_count", "keitai"), ("bullet_count", "paragraph_count"),
    ("bullet_count", "no_markdown"), ("bullet_count", "start_phrase"), ("bullet_count", "end_phrase"),
    ("bullet_count", "title"), ("bold_count", "no_markdown"), ("title", "start_phrase"),
    ("end_phrase", "keitai"), ("paragraph_count", "sentence_count"), ("title", "sentence_count"),
)  # fmt: skip
"""Kinds that are not asked for together, though a text might satisfy both."""


def _c_between(draw: Draw, theme: Spec) -> Made:
    least = draw.step(60, 160, 20)
    most = least + draw.step(40, 80, 20)
    limits: Spec = {"kind": "char_count", "min": least, "max": most, "spaces": "count", "newlines": "skip"}
    return draw.say("c_between", min=least, max=most), [limits]


def _c_most(draw: Draw, theme: Spec) -> Made:
    most = draw.step(60, 200, 20)
    return draw.say("c_most", max=most), [{"kind": "char_count", "max": most, "spaces": "count", "newlines": "skip"}]


def _c_sentences(draw: Draw, theme: Spec) -> Made:
    n = draw.integer(2, 5)
    return draw.say("c_sentences", n=n), [{"kind": "sentence_count", "min": n, "max": n}]


def _c_include(draw: Draw, theme: Spec) -> Made:
    word = draw.one(theme["words"])
    return draw.say("c_include", word=word), [{"kind": "keyword_include", "keywords": [word]}]


def _c_exclude(draw: Draw, theme: Spec) -> Made:
    word = draw.one(theme["words"])
    return draw.say("c_exclude", word=word), [{"kind": "keyword_exclude", "keywords": [word]}]


def _c_twice(draw: Draw, theme: Spec) -> Made:
    word = draw.one(theme["words"])
    return draw.say("c_twice", word=word), [{"kind": "keyword_count", "keyword": word, "min": 2, "max": 2}]


def _c_keitai(draw: Draw, theme: Spec) -> Made:
    return draw.say("c_keitai"), [{"kind": "keitai", "style": "keitai"}]


def _c_jotai(draw: Draw, theme: Spec) -> Made:
    return draw.say("c_jotai"), [{"kind": "keitai", "style": "jotai"}]


def _c_no_katakana(draw: Draw, theme: Spec) -> Made:
    return draw.say("c_no_katakana"), [{"kind": "script_exclude", "script": "katakana"}]


def _c_start(draw: Draw, theme: Spec) -> Made:
    phrase = draw.say("phrase_start")
    return draw.say("c_start", phrase=phrase), [{"kind": "start_phrase", "phrase": phrase}]


def _c_end(draw: Draw, theme: Spec) -> Made:
    phrase = draw.say("phrase_end")
    return draw.say("c_end", phrase=phrase), [{"kind": "end_phrase", "phrase": phrase}]


def _c_title(draw: Draw, theme: Spec) -> Made:
    return draw.say("c_title"), [{"kind": "title", "brackets": "『』"}]


def _c_paragraphs(draw: Draw, theme: Spec) -> Made:
    n = draw.integer(2, 3)
    return draw.say("c_paragraphs", n=n), [{"kind": "paragraph_count", "min": n, "max": n, "separator": "blank"}]


def _c_plain(draw: Draw, theme: Spec) -> Made:
    return draw.say("c_plain"), [{"kind": "no_markdown"}]


def _c_items(draw: Draw, theme: Spec) -> Made:
    n = draw.integer(3, 6)
    return draw.say("c_items", n=n), [{"kind": "bullet_count", "min": n, "max": n, "marks": "・"}]


def _c_bold(draw: Draw, theme: Spec) -> Made:
    return draw.say("c_bold"), [{"kind": "bold_count", "min": 1, "max": 1}]


WRITTEN: Mapping[str, Callable[[Draw, Spec], Made]] = {
    "between": _c_between, "most": _c_most, "sentences": _c_sentences, "include": _c_include, "exclude": _c_exclude,
    "twice": _c_twice, "keitai": _c_keitai, "jotai": _c_jotai, "no_katakana": _c_no_katakana, "start": _c_start,
    "end": _c_end, "title": _c_title, "paragraphs": _c_paragraphs, "plain": _c_plain, "items": _c_items, "bold": _c_bold,
}  # fmt: skip
"""Constraints that a text may have to satisfy, each in words and as specs."""


def _items(draw: Draw, rules: list[str]) -> str:
    item = draw.line("item")
    return "\n".join(item.fill(text=rule) for rule in rules)
