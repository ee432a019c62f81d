"""`seimai review push`, `pull`, `freeze`, `again`: rows of a run before people, and what they say into label shards."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console

from annotation.again import asked_before, changes
from annotation.calibrate import share as share_of
from annotation.errors import ReviewError
from annotation.labels import Labels
from annotation.pull import Pulled, freeze, pull
from annotation.push import Order, Pushed, push
from annotation.questions import Task
from annotation.review_plan import EVERYTHING, ReviewPlan, read_plan
from annotation.review_tasks import Language, task
from annotation.server.home import default_folder
from recipes.engine.review.rows import asked, source_of
from recipes.engine.review.server import reached
from recipes.engine.run_folder import open_run

EXAMPLES = 3
"""Rows that are named of each reason."""


def labels_at(folder: Path | None, home: Path | None, *, pushed: bool = False) -> Labels:
    """The label shards: those that are named, else `labels` in the review's home.

    pushed: whether something must have been put before people from there. Raises ReviewError where it was not.
    """
    found = Labels((folder or (home or default_folder()) / "labels").expanduser().absolute())
    if pushed and not len(found.read("records", ["event"])):
        raise ReviewError(
            f"{found.folder}: no label shards lie here: nothing was pushed from this folder (another one: --labels, or --home)"
        )
    return found


def push_run(
    home: Path | None,
    url: str | None,
    labels: Labels,
    folder: str,
    name: str,
    set_name: str | None,
    plan_file: Path | None,
    most: int | None,
    answers: int,
    language: Language,
    markdown: bool,
) -> None:
    """Puts rows of a run before people and says what became of which."""
    asks = task(name, language, answers, markdown=markdown)
    plan: ReviewPlan = read_plan(plan_file) if plan_file is not None else EVERYTHING
    source = source_of(open_run(folder), name, set_name, answers)
    with reached(home, url) as client:
        with labels.writing():
            salt = labels.salt
        found = asked(source, plan, salt)
        harmful = task(name, language, answers, harmful=True, markdown=markdown)
        cap = plan.harmful.daily_cap if plan.harmful is not None else None
        parts = [(asks, [i for i in found.items if not i.harmful]), (harmful, [i for i in found.items if i.harmful])]
        distressing = f", {len(parts[1][1]):,} of them harmful content" if plan.harmful is not None else ""
        _print(f"{source.name}: {found.rows:,} rows, {len(found.items):,} drawn for '{name}'{distressing}")
        for reason, lines in found.left_out.items():
            _left_out(reason, lines)
        console, before = Console(stderr=True), set(labels.read("records", ["task"]).column("task").to_pylist())
        for of, items in parts:
            order = Order(of, source.name, language, most, cap)
            if items or of is asks or of.name in before:
                done = push(client, labels, order, items, lambda said: console.print(said, highlight=False, end="\r"))
                tell_push(done, client.url)


def pull_all(home: Path | None, url: str | None, labels: Labels) -> Pulled:
    """Takes what people answered since the last time, and says what it was."""
    with reached(home, url) as client:
        done = pull(client, labels)
    events = ", ".join(f"{count:,} {event}" for event, count in sorted(done.events.items())) or "nothing new"
    _print(f"{done.answers:,} submitted answers in Argilla; {events}; {labels.folder}")
    if done.late:
        _print(f"{done.late:,} of these came after their batch was closed: they are kept and counted nowhere")
    if done.masked:
        _print(f"{done.masked:,} pieces of personal data were masked in what annotators wrote")
    for who, count in sorted(done.left.items()):
        _print(f"{who} was deleted in Argilla: {count:,} answers that are in no closed batch count nowhere any more")
    for kind, lines in (("edited in the UI", done.edited), ("gone", done.gone), ("not taken", done.strange[:EXAMPLES])):
        for line in lines:
            _print(f"{kind}: {line}")
    if len(done.strange) > EXAMPLES:
        _print(f"not taken: and answers to {len(done.strange) - EXAMPLES:,} more records of no push in {labels.folder}")
    if done.edited:
        _print("new answers of edited datasets are marked (edited_ui) and counted nowhere; undo the change in Argilla")
    return done


def freeze_batch(home: Path | None, url: str | None, labels: Labels, batch: str) -> None:
    """Pulls, then closes a batch."""
    pull_all(home, url, labels)
    _print(f"batch '{batch}': {freeze(labels, batch):,} answers are closed; later changes to them are kept as late")


def ask_again(
    home: Path | None,
    url: str | None,
    labels: Labels,
    name: str,
    since: str,
    share: float,
    answers: int,
    language: Language,
) -> None:
    """Puts a share of old rows before people anew, and says how many answers changed so far."""
    with reached(home, url) as client:
        of = task(name, language, answers)
        for source, items in sorted(asked_before(labels, of, since, share).items()):
            tell_push(push(client, labels, Order(of, source, language, again=since, only=True), items), client.url)
        _tell_changes(labels, of, since)


def _tell_changes(labels: Labels, of: Task, since: str) -> None:
    found = changes(labels, of, since)
    for one in found:
        rate = share_of(one.changed, one.rows)
        _print(
            f"{one.question}: {one.changed} of {one.rows} rows are answered otherwise than under {since}"
            f" ({rate.share:.0%}, 95 % interval {rate.low:.0%} to {rate.high:.0%})"
        )
    if not found:
        _print(f"no row is answered under both {since} and {of.version} yet; pull, and give the same command again")


def tell_push(done: Pushed, url: str) -> None:
    """Says what a push did."""
    parts = [f"{done.rows:,} rows", f"{done.pushed:,} records pushed now", f"{done.there:,} were there"]
    more: Mapping[str, int] = {
        "answered under an earlier version": done.answered, "waiting (--most)": done.waiting,
        "held back by the daily cap": done.capped, "with other metadata": done.updated, "pieces of personal data masked": done.masked,
    }  # fmt: skip
    parts += [f"{count:,} {what}" for what, count in more.items() if count]
    parts += [f"{count:,} withdrawn ({reason})" for reason, count in sorted(done.withdrawn.items())]
    _print(f"{done.task}: {', '.join(parts)}; {url}")
    for name in done.datasets:
        _print(f"  {name}")
    for line in done.short:
        _print(f"too few people: {line}")
    for reason, lines in sorted(done.left_out.items()):
        _left_out(reason, lines)


def _left_out(reason: str, lines: Sequence[str]) -> None:
    for line in lines[:EXAMPLES]:
        _print(f"left out ({reason}): {line}")
    if len(lines) > EXAMPLES:
        _print(f"left out ({reason}): and {len(lines) - EXAMPLES:,} more")


def _print(line: str) -> None:
    Console().print(line, markup=False, highlight=False, soft_wrap=True)
