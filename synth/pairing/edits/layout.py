"""Sections, speakers, 句読点, and play with words: one place that is not as asked."""

import re
from collections.abc import Iterator
from typing import Any

from synth.pairing.edits.edit import edits
from synth.verify.prompt import Prompt

_KANJI = "〇一二三四五六七八九十"


@edits("section_count")
def a_section_misnumbered(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """The last section with the next number."""
    for m in reversed(list(re.finditer(rf"第([0-9０-９]+|[一二三四五六七八九]){re.escape(spec.unit)}", text))):
        number = int(m[1]) + 1 if m[1].isdigit() else _KANJI[_KANJI.index(m[1]) + 1]
        yield f"{text[: m.start(1)]}{number}{text[m.end(1) :]}"


@edits("section_count")
def a_section_more(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """A section more than wanted."""
    yield f"{text.rstrip()}\n第{spec.count + 1}{spec.unit}\n以上。"


@edits("dialogue_form")
def a_speaker_twice(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """A line of the same speaker as the one before, or of nobody."""
    lines = text.rstrip().split("\n")
    last = lines[-1]
    for name in spec.speakers:
        if last.startswith(name):
            for other in spec.speakers:
                if other != name:
                    yield "\n".join([*lines[:-1], other + last[len(name) :]])
            yield "\n".join(
                [*lines, re.sub(r"[:：].*|「.*」", lambda m: "：以上。" if m[0][0] in ":：" else "「以上。」", last)]
            )
            yield "\n".join([*lines[:-1], last[len(name) :].lstrip("：: ")])


@edits("dialogue_form")
def a_turn_less(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """The last turn left out."""
    lines = text.rstrip().split("\n")
    yield "\n".join(lines[:-1])


@edits("kutoten_exclude")
def a_mark_slips_in(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """A 。 or 、 where none was to be."""
    if spec.kuten:
        for m in reversed(list(re.finditer(r"[！？!?\n]|$", text))):
            yield f"{text[: m.start()]}。{text[m.end() if m[0] != chr(10) else m.start() :]}"
    if spec.touten:
        for m in re.finditer(r"[はがをにで](?=[一-龥ァ-ヶ])", text):
            yield f"{text[: m.end()]}、{text[m.end() :]}"


@edits("shiritori")
def a_word_lost(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """A link of the chain left out."""
    parts = re.split(r"(\s*[→\n、]\s*)", text)
    for i in range(2, len(parts) - 1, 2):
        yield "".join(parts[:i] + parts[i + 2 :])


@edits("kaibun", "mora_count")
def a_kana_more(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """A kana more at the end."""
    for more in "よねさ":
        body = text.rstrip().rstrip("。")
        yield body + more + text[len(body) :]


@edits("kaibun", "mora_count")
def a_kana_less(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """A kana less: a particle, or the last one."""
    for at in (*(m.start() for m in re.finditer("(?<=.)[のにはをが](?=.)", text)), len(text.rstrip()) - 1):
        yield text[:at] + text[at + 1 :]


@edits("word_initial", "acrostic")
def another_initial(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """A line that begins with another kana."""
    lines = text.split("\n")
    for i in reversed(range(len(lines))):
        if m := re.match(r"[ \t]*(?:[-・*]|\d+[.)．])?[ \t]*", lines[i]):
            for more in ("この", "その", "お"):
                yield "\n".join([*lines[:i], lines[i][: m.end()] + more + lines[i][m.end() :], *lines[i + 1 :]])


@edits("poem")
def a_line_too_long(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """A mora more in the last line, in the poem and in its reading alike."""
    if m := re.search(r"^(.*\S)(\s*\n+\s*よみ[：:]\s*)(.*\S)(\s*)$", text, re.S):
        for more in ("よ", "かな"):
            yield f"{m[1]}{more}{m[2]}{m[3]}{more}{m[4]}"
    for more in ("よ", "かな"):
        yield text.rstrip() + more
