"""A benchmark's file by what its pack says of it: every item with its texts by part, or a clear error.

Nothing is guessed: a file of another form than its pack says stops the recipe with the place, what was found and what would be right,
since a file that is read wrong looks for the wrong texts and finds nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curation.decontaminate.pack import PARTS, Choice, Layout, Part, Said
from curation.decontaminate.records import Record, RecordError, records

Alternatives = tuple[tuple[str, ...], ...]
"""Ways to say a part, any of which will do; each is one or several texts that belong together."""


@dataclass(frozen=True)
class Item:
    """One evaluation item: its set and id, and of each part that it has the ways in which it is said."""

    set: str
    id: str
    parts: dict[Part, Alternatives]

    @property
    def name(self) -> str:
        """What reports call it: set:id."""
        return f"{self.set}:{self.id}"


def read_items(name: str, layout: Layout, files: list[tuple[str, bytes]]) -> list[Item]:
    """Items of a set's files (path and content, in order); `name` is the set's.

    Ids are those of the field `id`, else the item's number from 1; with several files, behind the file's name without its ending.
    Raises ValueError where a file is not as the layout says, and where no item has a part that the layout names.
    """
    made: list[Item] = []
    for path, content in files:
        stem = f"{Path(path).name.split('.')[0]}/" if len(files) > 1 else ""
        try:
            for number, record in enumerate(records(layout, content), 1):
                made.append(_item(name, layout, record, stem, number))
        except RecordError as error:
            raise ValueError(f"{path}{error}") from None
    for part in PARTS:
        if layout.said(part) is not None and not any(part in item.parts for item in made):
            raise ValueError(f"{', '.join(p for p, _ in files)}: no item has a text in {_words(layout.said(part))}")
    return made


def _item(name: str, layout: Layout, record: Record, stem: str, number: int) -> Item:
    parts: dict[Part, Alternatives] = {}
    for part in PARTS:
        said = layout.said(part)
        if said is not None and (found := tuple(_alternatives(record, said, part == "question"))):
            parts[part] = found
    ident = str(number) if layout.id is None else next(iter(_texts(record, layout.id, True)))
    return Item(name, stem + ident, parts)


def _alternatives(record: Record, said: Said, needed: bool) -> Iterator[tuple[str, ...]]:
    if isinstance(said, Choice):
        yield from ((text,) for text in _texts(record, _chosen(record, said), needed))
    elif isinstance(said, list):
        texts = tuple(text for field in said for text in _texts(record, field, needed))
        if texts:
            yield texts
    else:
        yield from dict.fromkeys((text,) for text in _texts(record, said, needed))


def _texts(record: Record, field: str, needed: bool) -> list[str]:
    """Texts of a field; none where it is null or empty. Raises RecordError where it is no text, or missing though needed."""
    values = list(record.values(field))
    texts: list[str] = []
    for value in values:
        if value is None or value == "":
            continue
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            hint = f"'{field}[]' takes each of a list" if isinstance(value, list) else "name a field inside it"
            raise RecordError(f"{record.place}: '{field}' is a {_kind(value)}, and a text is wanted; {hint}")
        texts.append(str(value))
    if needed and not texts and not (values and field.endswith("[]")):
        found = ", ".join(record.names()) or "nothing"
        raise RecordError(f"{record.place}: no text in the field '{field}'; fields here: {found}")
    return texts


def _chosen(record: Record, choice: Choice) -> str:
    """The field that the item's own field names."""
    (value, *_) = [*record.values(choice.by), None]
    if isinstance(choice.of, dict):
        key = str(value).strip()
        if key in choice.of:
            return choice.of[key]
        wanted = ", ".join(choice.of)
    else:
        text = str(value).strip()
        if text.isdecimal() and int(text) < len(choice.of):
            return choice.of[int(text)]
        wanted = f"0 to {len(choice.of) - 1}"
    raise RecordError(f"{record.place}: '{choice.by}' is {value!r}, and one of {wanted} is wanted")


def _kind(value: Any) -> str:
    return {list: "list", dict: "mapping", bool: "yes or no"}.get(type(value), type(value).__name__)


def _words(said: Said | None) -> str:
    if isinstance(said, Choice):
        return f"the field that '{said.by}' names"
    return ", ".join(f"'{one}'" for one in said) if isinstance(said, list) else f"'{said}'"
