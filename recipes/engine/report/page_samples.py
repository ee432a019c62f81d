"""Pages to look at: a seeded handful of released ones, and of those that each reason rejected.

By default only host, reason and 80 masked characters of a page are shown (DESIGN rule 10); with text, up to 20 pages a reason and
as many characters of each as a file of under 2 MB has room for. Personal data is masked here again: rows may have been rejected
before the recipe's own step saw them.
"""

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from curation.normalise.pii.step import mask_with_names
from curation.parquet_file import present
from curation.shards import ShardSet
from recipes.engine.report.fates import pick, released_sample
from recipes.engine.run_folder import Run
from recipes.engine.wording import masked

MASKED_PAGES, TEXT_PAGES = 3, 20
TEXT_BYTES = 1_200_000
MOST_CHARS = 2_000
LOOKED_AT = 48
"""Row groups of a block's rejected rows that are looked through, at most, for pages to show."""
SEED = 4

_COLUMNS = ("id", "url", "host", "text", "title", "reason", "value", "threshold", "detail", "stage", "step")


@dataclass(frozen=True)
class Page:
    """A page to look at; `text` is what may be shown of it: masked, or cut to the room there is. "" when it had none yet."""

    host: str
    url: str | None
    text: str
    cut: bool
    value: float | None
    threshold: float | None
    detail: str


@dataclass(frozen=True)
class PageSamples:
    """Released pages, and rejected pages by reason, in the order in which the steps stand."""

    kept: list[Page]
    rejected: dict[str, list[Page]]
    with_text: bool
    chars: int
    """Characters of each text that are shown, at most."""


def page_samples(run: Run, reasons: list[str], with_text: bool) -> PageSamples:
    """Draws pages; the same ones at every call, whatever the number of tasks."""
    most = TEXT_PAGES if with_text else MASKED_PAGES
    kept = released_sample(run, _COLUMNS, TEXT_PAGES if with_text else 2 * MASKED_PAGES, SEED).to_pylist()
    found: dict[str, pa.Table] = {}
    for block in run.chain:
        shards = run.shard_set(block)
        if shards is not None and block["rejected"]:
            for reason, rows in _rejected(shards, most).items():
                found[reason] = _with(found.get(reason), rows, most)
    rejected = {reason: found[reason].to_pylist() for reason in reasons if reason in found}
    pages = len(kept) + sum(len(rows) for rows in rejected.values())
    chars = max(200, min(MOST_CHARS, TEXT_BYTES // (3 * max(1, pages)))) if with_text else 80
    return PageSamples(
        [_page(row, with_text, chars) for row in kept],
        {reason: [_page(row, with_text, chars) for row in rows] for reason, rows in rejected.items()},
        with_text,
        chars,
    )


def without_personal_data(text: str | None) -> str:
    """The text with personal data masked, names of private persons too, whatever the recipe masks; "" for none.

    >>> without_personal_data("担当：山田花子、電話は03-1234-5678"), without_personal_data(None)
    ('担当：【氏名】、電話は【電話番号】', '')
    """
    return mask_with_names(text)[0] if text else ""


def _rejected(shards: ShardSet, most: int) -> dict[str, pa.Table]:
    """Up to `most` rows a reason, those kept in full before those kept as keys."""
    found: dict[str, pa.Table] = {}
    files = ["samples.parquet"] if shards.place.exists("samples.parquet") else []
    files += [f["path"] for task in shards.tasks() for f in task["rejected_files"]]
    groups = [(name, g) for name in files for g in range(shards.open_file(name).num_row_groups)]
    stride = -(-len(groups) // LOOKED_AT)
    sampled: set[str] = set()
    for name, group in groups[::stride] if stride > 1 else groups:
        file = shards.open_file(name)
        table = file.read_row_group(group, columns=present(file, _COLUMNS))
        for reason in pc.unique(table.column("reason")).to_pylist():
            if name == "samples.parquet":
                sampled.add(reason)
            elif reason in sampled:
                continue
            rows = table.filter(pc.equal(table.column("reason"), reason))
            found[reason] = _with(found.get(reason), rows, most)
    return found


def _with(found: pa.Table | None, rows: pa.Table, most: int) -> pa.Table:
    """Up to `most` of what was found and of more rows; a table's rows have no title, and a page that was not parsed has none yet."""
    both = rows if found is None else pa.concat_tables([found, rows], promote_options="default")
    return pick(both, most, SEED)


def _page(row: dict[str, Any], with_text: bool, chars: int) -> Page:
    text = row.get("text") or ""
    return Page(
        host=row.get("host") or "",
        url=row.get("url") if with_text else None,
        text=without_personal_data(text[: 2 * chars])[:chars] if with_text else masked(text, chars),
        cut=with_text and len(text) > chars,
        value=row.get("value"),
        threshold=row.get("threshold"),
        detail=row.get("detail") or "",
    )
