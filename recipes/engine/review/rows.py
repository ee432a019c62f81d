"""Rows of a run for review: what a task asks about, read from the run's generated sets and pairs.

quality, safety, correction, spans    rows of a generation
preference                            pairs
ranking                               prompts of a generation with enough different answers, those of surplus candidates too
"""

import posixpath
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
import pyarrow as pa

from annotation.items import Item, Unreadable, of_answer, of_pair, of_prompt, seed_of
from annotation.review_plan import ReviewPlan, drawn, placed
from annotation.review_tasks import base
from annotation.signals import SPEAKS, disagreement, speaks_to_judge
from curation.document import KEY
from curation.place import Place
from curation.shards import MANIFEST
from recipes.engine.errors import RecipeError
from recipes.engine.forget.gate import cleared_or_refused
from recipes.engine.run_folder import Run
from synth.engine.content_key import canonical
from synth.generated.stated import GeneratedSet
from synth.judge.comparison import judgeable
from synth.pairing.answers import SURPLUS
from synth.pairing.pool import File

Row = dict[str, Any]

RANKED = (None, *SURPLUS, "verdict_abstain")
"""Reasons of candidates whose answers may be ranked; None for rows."""


@dataclass(frozen=True)
class Source:
    """A set of a run that a task asks about. name: recipe and set, as label shards know it, whatever the version."""

    run: Run
    name: str
    url: str
    task: str
    answers: int

    def rows(self, columns: Sequence[str] | None = None) -> Iterator[Row]:
        """Rows of the set, or some of their columns; for rankings those of surplus candidates too."""
        if self.task == "preference":
            for file in Place(self.url).read_json(MANIFEST)["sets"]["pairs"]["files"]:
                for _, table in File(self.url, file["path"]).batches(columns or _PAIR):
                    yield from table.to_pylist()
            return
        found = GeneratedSet.open(self.url)
        for kind in ("data", "refused") if self.task == "ranking" else ("data",):
            for _, row in found.rows(kind, columns or _ANSWER):
                if self.task != "ranking" or (row.get("reason") in RANKED and judgeable(row)):
                    yield row


_ANSWER = (
    *(
        "id",
        "prompt_key",
        "messages",
        "tools",
        "answer",
        "answer_origin",
        "model",
        "verdict",
        "reason",
        "seeds",
        "function",
    ),
    *(
        "domain",
        "task",
        "lang",
        "template",
        "completion_tokens",
        "prompt_tokens",
        "logprob_mean",
        "wording_state",
        "split",
    ),
)
JUDGED = "chosen_judgements"
_PAIR = (
    JUDGED,
    *(
        "id",
        "document",
        "prompt",
        "tools",
        "chosen",
        "rejected",
        "chosen_id",
        "rejected_id",
        "chosen_origin",
        "rejected_origin",
    ),
    *(
        "chosen_model",
        "rejected_model",
        "chosen_verdict",
        "rejected_verdict",
        "strategy",
        "function",
        "domain",
        "task",
        "lang",
    ),
    *("margin", "len_delta", "constraint", "split", "template"),
)
ROUTED_BY = (
    *(
        "function",
        "domain",
        "task",
        "lang",
        "template",
        "strategy",
        "constraint",
        "split",
        "wording_state",
        "margin",
        "len_delta",
    ),
    *("completion_tokens", "prompt_tokens", "logprob_mean", "verdict"),
)
"""Columns that a plan's conditions may name, where the set has them, beside those of `annotation.signals`."""


@dataclass
class Asked:
    """What a plan drew: items in the order of their queue, and what could not be made one, by reason."""

    rows: int = 0
    items: list[Item] = field(default_factory=list[Item])
    left_out: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))


def source_of(run: Run, task: str, name: str | None, answers: int) -> Source:
    """The set of a run that a task asks about. Raises RecipeError where there is none, or several and none is named."""
    cleared_or_refused(run.place.url)
    kind = "pairs" if task == "preference" else "generated"
    sets = {one["name"]: one["url"] for one in run.about.get(kind, ())}
    if not sets:
        what = "pairs" if kind == "pairs" else "a generation"
        raise RecipeError(f"{run.place.url}: the run has no {what}, and '{task}' asks about those")
    if name is None and len(sets) > 1:
        raise RecipeError(f"{run.place.url}: which set? --set one of {', '.join(sets)}")
    name = name if name is not None else next(iter(sets))
    if name not in sets:
        raise RecipeError(f"{run.place.url}: no set '{name}' that '{task}' asks about; there is {', '.join(sets)}")
    url = posixpath.join(run.place.url, sets[name])
    if not Place(url).exists(MANIFEST):
        raise RecipeError(f"{url}: the set is gone; `seimai run` makes it again")
    if kind == "generated":
        try:
            GeneratedSet.open(url)
        except ValueError as error:
            raise RecipeError(f"{error}: another seimai made it; `seimai run` makes it again") from error
    return Source(run, f"{run.about['recipe']}/{name}", url, base(task), answers)


def asked(source: Source, plan: ReviewPlan, salt: str) -> Asked:
    """Items of the rows that the plan draws. Raises ReviewError for a plan that does not fit the rows.

    Texts are read of the drawn rows alone, but where answers are ranked: there a row is a prompt with its answers.
    """
    found, ranked = Asked(), dict[bytes, Item]()
    table = _table(source, plan, found, ranked)
    found.rows = len(table)
    if plan.harmful is not None:
        own = _PAIR if source.task == "preference" else _ANSWER
        plan.harmful.check({name for name in ROUTED_BY if name in own} | set(table.column_names))
    lines = {line["id"]: (place, line) for place, line in enumerate(drawn(table, plan, salt).to_pylist())}
    queue: list[tuple[int, Item]] = []
    for item in _items(source, lines.keys(), ranked, found):
        place, line = lines[item.row]
        harmful = plan.harmful is not None and plan.harmful.holds(line)
        of = {
            "people": line["people"],
            "stratum": line["review_stratum"],
            "inclusion": line["inclusion"],
            "use": line["review_use"],
        }
        queue.append((place, replace(item, harmful=harmful, **of)))
    found.items = [item for _, item in sorted(queue, key=lambda p: p[0])]
    return found


def routed_rows(source: Source, plan: ReviewPlan, salt: str) -> pa.Table:
    """All rows of a set with where the plan places them (`annotation.review_plan.placed`), drawn or not."""
    return placed(_table(source, plan, Asked(), {}), plan, salt)


def _table(source: Source, plan: ReviewPlan, found: Asked, ranked: dict[bytes, Item]) -> pa.Table:
    """What a plan looks at: id, seed and the columns that conditions may name. Where answers are ranked the items are made."""
    units: list[tuple[bytes, bytes, Row]] = []
    spoken = any(route.column == SPEAKS for route in plan.routes.values())
    if source.task == "ranking":
        for item, rows in _prompts(source, found):
            ranked[item.row] = item
            units.append((item.row, item.document, _narrow(rows[0], rows if spoken else ())))
    else:
        texts = ("answer", "chosen") if spoken else ()
        for row in source.rows(("id", "document", "seeds", JUDGED, *ROUTED_BY, *texts)):
            document = row["document"] or row["id"] if "document" in row else seed_of(row)
            units.append((row["id"], document, _narrow(row, [row] if spoken else ())))
    columns = {name: [row.get(name) for _, _, row in units] for name in (*ROUTED_BY, "disagreement", SPEAKS)}
    return pa.table(
        {
            "id": pa.array([row for row, _, _ in units], KEY), "seed_key": pa.array([seed for _, seed, _ in units], KEY),
            **{name: pa.array(values) for name, values in columns.items() if any(v is not None for v in values)},
        }
    )  # fmt: skip


def _items(source: Source, wanted: Collection[bytes], ranked: Mapping[bytes, Item], found: Asked) -> Iterator[Item]:
    """Items of the drawn rows."""
    if source.task == "ranking":
        yield from (item for row, item in ranked.items() if row in wanted)
        return
    for row in source.rows():
        if row["id"] in wanted:
            try:
                yield (of_pair if source.task == "preference" else of_answer)(row)
            except Unreadable as error:
                found.left_out["unreadable"].append(f"{row['id'].hex()}: {error}")


def _prompts(source: Source, found: Asked) -> Iterator[tuple[Item, list[Row]]]:
    """Prompts that can be ranked, each with its rows."""
    groups: dict[bytes, list[Row]] = defaultdict(list)
    few = 0
    for row in source.rows():
        before = canonical(orjson.loads(row["messages"])[:-1])
        groups[row["prompt_key"] + before].append(row)
    for _, rows in sorted(groups.items()):
        try:
            item = of_prompt(rows, source.answers)
        except Unreadable as error:
            found.left_out["unreadable"].append(f"{rows[0]['id'].hex()}: {error}")
            continue
        if item is None:
            few += 1
        else:
            yield item, rows
    if few:
        found.left_out["few_answers"].append(f"{few:,} prompts have fewer than {source.answers} different answers")


def _narrow(row: Mapping[str, Any], spoken: Sequence[Mapping[str, Any]]) -> Row:
    """What conditions may name of a row. spoken: rows whose answers are asked whether they speak to whoever grades them."""
    made = {name: row[name] for name in ROUTED_BY if name in row} | {"disagreement": disagreement(row.get(JUDGED))}
    return made | ({SPEAKS: max(map(speaks_to_judge, spoken))} if spoken else {})
