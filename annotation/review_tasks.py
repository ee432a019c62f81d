"""The review tasks by name: quality, preference, ranking, safety, correction, spans; their words are files of `tasks/`.

A file says which fields are shown and what is asked, in Japanese and English. `task` makes of it what Argilla is given, in one
language, for as many answers as are ranked. Guidelines hold both languages. For harmful content a task has a variant: a warning
stands before all else, and whoever would rather not answer says so at no cost, which is another thing than discarding.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

from annotation.errors import ReviewError
from annotation.questions import Field, Question, Task

FOLDER = Path(__file__).parent / "tasks"

NAMES = ("quality", "preference", "ranking", "safety", "correction", "spans")
"""Every task by name."""
COMPARED = ("preference", "ranking")
"""Tasks whose answers stand side by side: what stands first may be liked for it, so their order is drawn and mirrored."""
SLOTS = "abcdefgh"
"""Names of the places of answers that stand side by side."""
SKIP = "skip"
"""The question by which harmful content is skipped."""

Language = Literal["ja", "en"]

METADATA = {
    "source": "recipe and set", "function": "function", "domain": "domain", "strategy": "strategy of the pair",
    "models": "who wrote the answers, in their own order", "verdicts": "verdicts, in their own order", "margin": "margin",
    "stratum": "stratum", "mirrored": "mirrored",
}  # fmt: skip
"""What a record says that annotators never see."""


@cache
def _file(name: str) -> Mapping[str, Any]:
    return yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))


def task(
    name: str, language: Language = "ja", answers: int = 2, *, harmful: bool = False, markdown: bool = False
) -> Task:
    """A review task. answers: how many are ranked (2 to 8; of other tasks it is not asked). Raises ReviewError for what is none."""
    if name not in NAMES:
        raise ReviewError(f"there is no review task '{name}'; there are {', '.join(NAMES)}")
    if not 2 <= answers <= len(SLOTS):
        raise ReviewError(f"{answers} answers cannot be ranked: 2 to {len(SLOTS)} can")
    said, shared = _file(name), _file("shared")
    slots = SLOTS[: answers if name == "ranking" else 2]
    fields = [Field("warning", shared["fields"]["warning"][language])] if harmful else []
    for field in said["fields"]:
        if field in ("a", "b", "answers"):
            places = slots if field == "answers" else field
            fields += [Field(s, shared["fields"]["slot"][language].format(slot=s.upper())) for s in places]
        else:
            titled = shared["fields"][field][language]
            fields.append(Field(field, titled, required=field != "tools", chat=field == "prompt"))
    questions = [_question(one, language, slots) for one in ([shared[SKIP]] if harmful else []) + said["questions"]]
    suffix = "".join(f"_{part}" for part, on in (("harmful", harmful), ("markdown", markdown)) if on)
    return Task(
        f"{name}{suffix}", fields, questions, METADATA, guide=name, before="harmful" if harmful else "", markdown=markdown
    )  # fmt: skip


def warning(language: Language) -> str:
    """What stands before harmful content."""
    return _file("shared")["warning"][language]


def rewritten(name: str) -> tuple[str, str] | None:
    """(question, field): the question whose box holds a field's text at first; None for a task that has none."""
    return next(((q["name"], q["rewrites"]) for q in _file(name)["questions"] if "rewrites" in q), None)


def base(name: str) -> str:
    """The task that a variant is of.

    >>> base("preference_harmful"), base("spans")
    ('preference', 'spans')
    """
    return name.partition("_")[0]


def variant(name: str, language: Language, answers: int) -> Task:
    """The task of a name that may say its variant (`quality_harmful`)."""
    parts = name.split("_")[1:]
    return task(base(name), language, answers, harmful="harmful" in parts, markdown="markdown" in parts)


@cache
def of_version(name: str, version: str) -> tuple[Task, Language] | None:
    """The task that had this version, with its language; None where its words have changed since."""
    languages: tuple[Language, ...] = ("ja", "en")
    for language in languages:
        for answers in range(2, len(SLOTS) + 1):
            if (found := variant(name, language, answers)).version == version:
                return found, language
    return None


def _question(said: Mapping[str, Any], language: Language, slots: str) -> Question:
    labels = {value: text[language] for value, text in said["labels"].items()} if "labels" in said else None
    if "cards" in said:
        labels = {slot: said["cards"][language].format(slot=slot.upper()) for slot in slots}
    about = said["title"][language], said["description"][language]
    points, field = said.get("points", ()), said.get("field", "")
    return Question(said["name"], *about, said.get("required", False), labels, said.get("kind"), points, field)
