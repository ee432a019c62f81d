"""A table of fields that somebody asks for, each said in Japanese and English, with a value or unknown."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from recipes.engine.wording import Words

UNKNOWN = Words("不明", "unknown")
NOWHERE = Words("レシピと実行の記録にない", "neither the recipe nor the run's records say")


@dataclass(frozen=True)
class Field:
    """A field: its number where it is asked for, its name, and what the run knows; null is unknown, and `why` says why."""

    number: str
    name: Words
    value: Words | None
    why: Words = NOWHERE

    @property
    def shown(self) -> Words:
        """The value, or that it is unknown and why."""
        if self.value is not None:
            return self.value
        return Words(f"{UNKNOWN.ja}（{self.why.ja}）", f"{UNKNOWN.en} ({self.why.en})")

    def plain(self) -> dict[str, Any]:
        """The field as data: `value` is null where it is unknown."""
        value = None if self.value is None else self.value._asdict()
        return {"number": self.number, "name": self.name._asdict(), "value": value}


@dataclass(frozen=True)
class Group:
    """Fields under one heading."""

    title: Words
    fields: Sequence[Field]


@dataclass(frozen=True)
class Part:
    """A table: `key` in public.json, what it is made after, and its groups."""

    key: str
    title: Words
    lead: Words
    groups: Sequence[Group]

    @property
    def unknown(self) -> int:
        """Fields that nobody knows."""
        return sum(field.value is None for group in self.groups for field in group.fields)

    @property
    def fields(self) -> int:
        """All fields."""
        return sum(len(group.fields) for group in self.groups)


def listed(items: Sequence[Words], joint_ja: str = "、", joint_en: str = ", ") -> Words:
    """Several things as one.

    >>> listed([Words("米", "rice"), Words("麦", "barley")])
    Words(ja='米、麦', en='rice, barley')
    """
    return Words(joint_ja.join(one.ja for one in items), joint_en.join(one.en for one in items))


def pages(count: int) -> Words:
    """So many pages.

    >>> pages(1), pages(2000)
    (Words(ja='1 ページ', en='1 page'), Words(ja='2,000 ページ', en='2,000 pages'))
    """
    return Words(f"{count:,} ページ", f"{count:,} page{'' if count == 1 else 's'}")


def both(text: str) -> Words:
    """What is the same in both languages."""
    return Words(text, text)
