"""Labelled pieces of text out of curated rows, and their split by group: what a quality model learns from, and what it is tried on.

The split is by host (or file, or what a pattern finds in the URL), never by piece or page: a model that has seen one page of a site
knows its others by their footer, and would be praised for it.
"""

import fnmatch
import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from curation.classify.damaged import Tokenise, damaged
from curation.classify.train_spec import TrainSpec
from curation.content_sum import content_sum

FOLDS = ("train", "calibrate", "test")


@dataclass
class Examples:
    """Pieces as columns of equal length."""

    text: list[str] = field(default_factory=list)
    label: list[str] = field(default_factory=list)
    kind: list[str] = field(default_factory=list)
    """`text` for a piece of what was found, `page` for a whole page, the kind of damage for what was made."""
    copy: list[int] = field(default_factory=list)
    """Number of the damaged version, from 0; evaluation looks at the first ones only."""
    page: list[str] = field(default_factory=list)
    source: list[str] = field(default_factory=list)
    group: list[str] = field(default_factory=list)
    host: list[str] = field(default_factory=list)
    """Where the page lay; its group where that is not known."""

    def __len__(self) -> int:
        return len(self.text)

    def add(self, **values: Any) -> None:
        """Appends one example."""
        for name, value in {"host": values["group"], **values}.items():
            getattr(self, name).append(value)

    def take(self, rows: Iterable[int]) -> "Examples":
        """Some of the examples, in this order."""
        rows = list(rows)
        return Examples(**{name: [column[r] for r in rows] for name, column in vars(self).items()})

    def weights(self, positive: np.ndarray) -> np.ndarray:
        """float64 [examples]: 1 / the page's examples of the same sort, so that a long page counts no more than a short one."""
        keys = [f"{page} {good}" for page, good in zip(self.page, positive.tolist(), strict=True)]
        _, where, count = np.unique(np.array(keys), return_inverse=True, return_counts=True)
        return 1.0 / count[where]


class Page(NamedTuple):
    """One curated row with its label."""

    id: bytes
    source: str
    host: str
    group: str
    label: str
    text: str


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


def spread(found: list[str], most: int) -> list[str]:
    """At most so many of a page's pieces, evenly over it from its first to its last.

    >>> spread(["a", "b", "c", "d", "e"], 3), spread(["a", "b"], 3), spread(["a", "b"], 1)
    (['a', 'c', 'e'], ['a', 'b'], ['a'])
    """
    if len(found) <= most:
        return found
    return [found[round(k * (len(found) - 1) / max(most - 1, 1))] for k in range(most)]


def labelled_pages(rows: Iterable[dict[str, Any]], spec: TrainSpec, answers: Mapping[str, str] | None) -> list[Page]:
    """Rows (`id`, `source`, `url`, `host`, `file`, `text`) that have text and a label, by source or by `answers` (id → label)."""
    made = []
    for row in rows:
        if answers is not None:
            label = answers.get(row["id"].hex())
        else:
            label = "good" if row["source"] in spec.positive else "bad" if row["source"] in spec.negative else None
        if label is not None and row["text"]:
            group = group_of(row, spec.groups)
            made.append(Page(row["id"], row["source"], row["host"] or group, group, label, row["text"]))
    return made


def content_of(pages: Sequence[Page]) -> str:
    """Content hash of labelled pages in hexadecimal, whatever their order: what a model learnt from, was calibrated and tried on."""
    texts = {
        name: pa.array([getattr(p, name) for p in pages], pa.large_string()) for name in Page._fields if name != "id"
    }
    batch = pa.record_batch({"id": pa.array([p.id for p in pages], pa.binary(16)), **texts})
    return f"{content_sum(batch):064x}"


def examples_of(
    rows: Iterable[dict[str, Any]], spec: TrainSpec, answers: Mapping[str, str] | None, tokenise: Tokenise | None
) -> Examples:
    """Pieces of labelled rows (`labelled_pages`), at most `page_pieces` a page, with damaged versions of the good ones.

    Without `damage` each page is there as a whole too: a label is about the page, and pages are what a crawl is scored by. Only
    groups of the training part get more than one damaged version of a piece.
    """
    made, found = Examples(), labelled_pages(rows, spec, answers)
    fold = assigned(((p.group, p.id.hex()) for p in found), spec) if spec.damage_copies > 1 else {}
    for page in found:
        name = page.id.hex()
        common = {"page": name, "source": page.source, "group": page.group, "host": page.host}
        cut = spread(pieces(page.text, spec.piece_chars, spec.least_chars), spec.page_pieces)
        if cut and not spec.damage:
            made.add(text=page.text, label=page.label, kind="page", copy=0, **common)
        for k, piece in enumerate(cut):
            made.add(text=piece, label=page.label, kind="text", copy=0, **common)
            if not spec.damage or page.label != "good":
                continue
            assert tokenise is not None
            for copy in range(spec.damage_copies if fold.get(page.group) == "train" else 1):
                kind, bad = damaged(piece, spec.damage, f"{spec.seed}-{name}-{k}-{copy}", tokenise)
                if bad.strip():
                    made.add(text=bad, label="bad", kind=kind, copy=copy, **common)
    return made


def assigned(pages: Iterable[tuple[str, str]], spec: TrainSpec) -> dict[str, str]:
    """The fold of each group, from (group, page) pairs. Raises ValueError where a name in the recipe is no group's."""
    count = Counter(group for group, _ in set(pages))
    names = sorted(count)
    order = sorted(names, key=lambda name: _draw(spec.seed, name))
    fold = dict.fromkeys(names, "train")
    for part in ("test", "calibrate"):
        wanted = getattr(spec, part)
        if isinstance(wanted, list):
            if lost := [p for p in wanted if not any(fnmatch.fnmatchcase(n, p) for n in names)]:
                raise ValueError(f"{part}: no group is called {', '.join(lost)}; groups: {_listed(names)}")
            fold |= {n: part for n in names if any(fnmatch.fnmatchcase(n, pattern) for pattern in wanted)}
            continue
        size = 0
        for name in order:
            if fold[name] == "train" and size + count[name] / 2 <= wanted * count.total():
                fold[name] = part
                size += count[name]
    return fold


def split(examples: Examples, spec: TrainSpec, positive: Sequence[bool]) -> dict[str, np.ndarray]:
    """Rows of each fold (`train`, `calibrate`, `test`); a group is in one of them whole.

    Raises ValueError, naming the groups, where a fold would lack good or bad examples.
    """
    in_group = list(zip(examples.group, examples.page, strict=True))
    of_group = assigned(in_group, spec)
    fold = np.array([of_group[group] for group in examples.group])
    good, pages = np.asarray(positive, bool), np.array(examples.page)
    for part in FOLDS:
        sorts = [len(set(pages[(fold == part) & side])) for side in (good, ~good)]
        if not all(sorts):
            count = Counter(group for group, _ in set(in_group))
            raise ValueError(
                f"the part '{part}' has {sorts[0]} good and {sorts[1]} other pages and needs both; "
                f"groups, with pages: {', '.join(f'{n} {c}' for n, c in sorted(count.items())[:20])}. "
                "Name groups in 'calibrate' and 'test', or choose other 'groups' (file, or a pattern over the URL)"
            )
    return {part: np.flatnonzero(fold == part) for part in FOLDS}


def _draw(seed: int, name: str) -> bytes:
    return hashlib.blake2b(f"{seed}-{name}".encode()).digest()


def _listed(names: Iterable[str]) -> str:
    found = list(names)
    return ", ".join(found[:20]) + (f" and {len(found) - 20} more" if len(found) > 20 else "")
