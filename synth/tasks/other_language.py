"""Answering in another language when asked: a Japanese notice and a question whose answer is wanted in English, Chinese, Korean …

The other way round too: a notice in another language, and a Japanese answer. Facts are drawn and stated in every language by data, so
the program-made answer is certain; a model's may say it otherwise, and is held to the language and to the value in figures.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import yaml

from synth.seed import Seed
from synth.tasks.draw import Draw
from synth.tasks.task import Instance, Task, TaskError, Turn, checks
from synth.tasks.values import clock

LANGUAGES = Path(__file__).parent.parent / "seeds" / "languages.yaml"


@cache
def data() -> Mapping[str, Any]:
    """Languages, places and facts."""
    return yaml.safe_load(LANGUAGES.read_text(encoding="utf-8"))


class OtherLanguage(Task):
    """Questions with answers in another language.

    languages: ISO 639-1 codes of those wanted; all when not given. back: percent of notices in another language, which are
    answered in Japanese.
    """

    name: ClassVar[str] = "other_language"
    function: ClassVar[str] = "other_language"
    version: ClassVar[str] = "1"
    group: ClassVar[str] = "other_language"
    exempt: ClassVar[tuple[str, ...]] = ("code_switching", "no_chinese")

    def __init__(self, *, languages: Sequence[str] = (), back: int = 25):
        known = data()["languages"]
        if unknown := sorted(set(languages) - known.keys()):
            raise TaskError(f"other_language: there is no language '{unknown[0]}'; languages are {', '.join(known)}")
        if not 0 <= back <= 100:
            raise TaskError(f"other_language: back is a percentage from 0 to 100, not {back}")
        self.languages, self.back = tuple(languages) or tuple(known), back

    def make(self, draw: Draw, passage: Seed | None) -> Instance:
        """Three facts about a place, one of them asked for."""
        language = draw.one(self.languages)
        place = data()["places"][draw.one(sorted(data()["places"]))]
        naming = data()["naming"]
        names = draw.some(naming, draw.integer(1, 2))
        names += draw.some([n for n in data()["facts"] if n not in naming], 3 - len(names))
        facts = {name: _value(draw, data()["facts"][name]) for name in names}
        name = draw.one(sorted(facts))
        back = draw.chance(self.back)
        shown, wanted = (language, "ja") if back else ("ja", language)

        def stated(fact: str, tongue: str) -> str:
            return draw.say(f"{fact}_{tongue}", place=place[tongue], value=facts[fact][tongue][0])

        text = ("" if shown in ("ja", "zh") else " ").join(stated(fact, shown) for fact in facts)
        line = draw.line("back" if back else "ask")
        said = {"language": data()["languages"][language], "digits": "" if back else draw.say("digits")}
        prompt = line.fill(**said, text=text, question=draw.say(f"{name}_ask", place=place["ja"]))
        spec = checks(
            {"kind": "response_language", "language": wanted},
            {"kind": "keyword_include", "keywords": facts[name][wanted], "least": 1},
            {"kind": "char_count", "max": 200},
            {"kind": "keitai", "style": "keitai"} if back else None,
        )
        turns = (Turn("user", prompt), Turn("assistant", checks=spec, answer=stated(name, wanted)))
        return Instance(turns, line.id, lang=wanted)


def _value(draw: Draw, said: Mapping[str, Any]) -> dict[str, list[str]]:
    """A value in every language: as it is written, then other ways."""
    tongues = ("ja", *data()["languages"])
    if "day" in said:
        number = draw.integer(0, len(data()["days"]) - 1)
        day, forms = data()["days"][number], data()["forms"]
        short = {"ja": day["ja"][:2]} | {tongue: names[number] for tongue, names in forms.items()}
        return {tongue: list(dict.fromkeys((day[tongue], short.get(tongue, day[tongue])))) for tongue in tongues}
    if "clock" in said:
        half = draw.integer(2 * said["clock"][0], 2 * said["clock"][1])
        return times(*divmod(half * 30, 60))
    return {tongue: [str(draw_number)] for draw_number in (draw.step(*said["number"]),) for tongue in tongues}


def times(hour: int, minute: int) -> dict[str, list[str]]:
    """A time of day in every language: as it is written, then other ways of writing it in figures.

    >>> [forms[0] for forms in times(14, 30).values()]
    ['午後2時30分', '2:30 pm', '下午2:30', '오후 2시 30분', '14 h 30', '14.30 Uhr', '14:30']
    """
    low, pm = hour - 12 * (hour > 12), hour >= 12
    two = f"{minute:02d}"
    both = [f"{h}{sep}{two}" for h in dict.fromkeys((low, hour)) for sep in (":", ".", "：")]
    half = ["半"] if minute == 30 else [""] if minute == 0 else []
    sharp = not minute
    made = {
        "ja": [
            clock(hour, minute).text,
            *(f"{h}時{m}" for h in (low, hour) for m in ([f"{minute}分"] if minute else []) + half),
        ],
        "en": [
            f"{low}{'' if sharp else ':' + two} {half_day}" for half_day in (("pm", "p.m.") if pm else ("am", "a.m."))
        ],
        "zh": [
            f"{'下午' if pm else '上午'}{low}:{two}",
            *(f"{h}点{m}" for h in (low, hour) for m in ([f"{minute}分"] if minute else []) + half),
        ],
        "ko": [
            f"{'오후' if pm else '오전'} {low}시{'' if sharp else f' {minute}분'}",
            *(f"{h}시{m}" for h in (low, hour) for m in (("",) if sharp else (f" {minute}분", " 반"))),
        ],
        "fr": [f"{hour} h{'' if sharp else ' ' + two}", f"{hour}h{'' if sharp else two}", f"{hour} heures"][
            : 3 if sharp else 2
        ],
        "de": [f"{hour}{'' if sharp else '.' + two} Uhr", f"{hour} Uhr{'' if sharp else ' ' + two}"],
        "es": [f"{hour}:{two}"],
    }
    short = [f"{h} {half_day}" for h in (low,) for half_day in ("am", "pm", "AM", "PM")] if sharp else []
    made["en"] += short
    return {tongue: list(dict.fromkeys((*forms, *both))) for tongue, forms in made.items()}
