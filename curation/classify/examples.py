"""Labelled pieces of text out of curated rows, and their split by group: what a quality model learns from, and what it is tried on.

The split is by host (or file, or what a pattern finds in the URL), never by piece or page: a model that has seen one page of a site
knows its others by their footer, and would be praised for it.
"""

import fnmatch
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from curation.classify.damaged import Tokenise, damaged
from curation.classify.train_spec import TrainSpec

FOLDS = ("train", "calibrate", "test")


@dataclass
class Examples:
    """Pieces as columns of equal length."""

    text: list[str] = field(default_factory=list)
    label: list[str] = field(default_factory=list)
    kind: list[str] = field(default_factory=list)
    """`text` for what was found, the kind of damage for what was made."""
    copy: list[int] = field(default_factory=list)
    """Number of the damaged version, from 0; evaluation looks at the first ones only."""
    page: list[str] = field(default_factory=list)
    source: list[str] = field(default_factory=list)
    group: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.text)

    def add(self, **values: Any) -> None:
        """Appends one example."""
        for name, value in values.items():
            getattr(self, name).append(value)

    def take(self, rows: Iterable[int]) -> "Examples":
        """Some of the examples, in this order."""
        rows = list(rows)
        return Examples(**{name: [column[r] for r in rows] for name, column in vars(self).items()})


def pieces(text: str, most: int, least: int) -> list[str]:
    """The text cut at line breaks into pieces of about `most` characters; a longer line is cut inside; below `least` none.

    >>> pieces("精米\\n玄米\\n糠", 5, 2)
    ['精米\\n玄米']
    """
    made, now = [], ""
    for line in text.split("\n"):
        if now and len(now) + 1 + len(line) > most:
            made.append(now)
            now = ""
        now += ("\n" if now else "") + line
        while len(now) > 2 * most:
            made.append(now[:most])
            now = now[most:]
    return [piece for piece in [*made, now] if len(piece.strip()) >= least]


def group_of(row: dict[str, Any], groups: str) -> str:
    """The group of a row with `url`, `host` and `file`; one without a URL, or whose URL the pattern does not fit, has its file's.

    >>> group_of({"url": "https://a.jp/x/1.html", "host": "a.jp", "file": "f"}, r"//([^/]+/[^/]+)")
    'a.jp/x'
    """
    if groups not in ("host", "file") and row["url"] and (found := re.search(groups, row["url"])):
        return found[1] or row["file"]
    return (row["host"] if groups != "file" else None) or row["file"]


def examples_of(
    rows: Iterable[dict[str, Any]], spec: TrainSpec, answers: dict[str, str] | None, tokenise: Tokenise | None
) -> Examples:
    """Pieces of rows (`id`, `source`, `url`, `host`, `file`, `text`), labelled by source, by `answers` (id → label), or by damage."""
    made = Examples()
    for row in rows:
        name, source = row["id"].hex(), row["source"]
        if answers is not None:
            label = answers.get(name)
        else:
            label = "good" if source in spec.positive else "bad" if source in spec.negative else None
        if label is None or not row["text"]:
            continue
        common = {"page": name, "source": source, "group": group_of(row, spec.groups)}
        for k, piece in enumerate(pieces(row["text"], spec.piece_chars, spec.least_chars)):
            made.add(text=piece, label=label, kind="text", copy=0, **common)
            if not spec.damage or label != "good":
                continue
            assert tokenise is not None
            for copy in range(spec.damage_copies):
                kind, bad = damaged(piece, spec.damage, f"{spec.seed}-{name}-{k}-{copy}", tokenise)
                if bad.strip():
                    made.add(text=bad, label="bad", kind=kind, copy=copy, **common)
    return made


def split(examples: Examples, spec: TrainSpec, positive: Sequence[bool]) -> dict[str, np.ndarray]:
    """Rows of each fold (`train`, `calibrate`, `test`); a group is in one of them whole.

    Raises ValueError, naming the groups, where a fold would lack good or bad examples.
    """
    groups = np.array(examples.group)
    fold = np.full(len(examples), "train", dtype="<U9")
    names, counts = np.unique(groups, return_counts=True)
    order = sorted(range(len(names)), key=lambda i: _draw(spec.seed, names[i]))
    taken: set[str] = set()
    for part in ("test", "calibrate"):
        wanted = getattr(spec, part)
        if isinstance(wanted, list):
            mine = {n for n in names if any(fnmatch.fnmatchcase(n, pattern) for pattern in wanted)}
            if lost := [p for p in wanted if not any(fnmatch.fnmatchcase(n, p) for n in names)]:
                raise ValueError(f"{part}: no group is called {', '.join(lost)}; groups: {_listed(names)}")
        else:
            mine, size = set(), 0
            for i in order:
                if names[i] not in taken and size + counts[i] / 2 <= wanted * len(examples):
                    mine.add(names[i])
                    size += counts[i]
        taken |= mine
        fold[np.isin(groups, sorted(mine))] = part
    good = np.asarray(positive, bool)
    for part in FOLDS:
        sorts = int(good[fold == part].sum()), int((~good[fold == part]).sum())
        if not all(sorts):
            raise ValueError(
                f"the part '{part}' has {sorts[0]} good and {sorts[1]} other examples and needs both; "
                f"groups, with examples: {', '.join(f'{n} {c}' for n, c in list(zip(names, counts, strict=True))[:20])}. "
                "Name groups in 'calibrate' and 'test', or choose other 'groups' (file, or a pattern over the URL)"
            )
    return {part: np.flatnonzero(fold == part) for part in FOLDS}


def _draw(seed: int, name: str) -> bytes:
    return hashlib.blake2b(f"{seed}-{name}".encode()).digest()


def _listed(names: Iterable[str]) -> str:
    found = list(names)
    return ", ".join(found[:20]) + (f" and {len(found) - 20} more" if len(found) > 20 else "")
