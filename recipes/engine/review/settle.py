"""`seimai review gold`, `skill`, `resolve`, `adjudicator`, `adjudicate`: from answers to decisions."""

import secrets
from collections import Counter
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from annotation import gold, people
from annotation.adjudicate import adjudicate
from annotation.decision import write_decisions
from annotation.labels import Labels
from annotation.push import Order
from annotation.resolve import Policy, Resolved, resolve, said_of
from annotation.review_tasks import Language, task
from annotation.skill import MODELS, skill
from recipes.engine.review.labels import pull_all, tell_push
from recipes.engine.review.server import reached

EXAMPLES = 3
"""Rows that are named of each kind."""


def mix_gold(
    home: Path | None, url: str | None, labels: Labels, file: Path, name: str, answers: int, language: Language,
    markdown: bool,
) -> None:  # fmt: skip
    """Declares the rows of a file and puts them among the task's other rows."""
    of = task(name, language, answers, markdown=markdown)
    rows = gold.read_gold(file, of)
    with reached(home, url) as client:
        order = Order(of, f"gold/{file.stem}", language)
        tell_push(gold.mix(client, labels, order, rows, file.stem), client.url)
    kinds = Counter(row.kind for row in rows)
    _print(
        f"{file}: {kinds['gold']:,} gold rows, {kinds['attention']:,} attention checks; answers to them decide nothing"
    )


def tell_skill(labels: Labels) -> None:
    """Prints pass rates and what the models say of each annotator; below them gold rows that most people miss."""
    rates = gold.pass_rates(labels)
    said, why = said_of(resolve(labels, Policy("majority")).units), list[str]()
    able: dict[tuple[str, str], dict[str, float]] = {}
    for of, answers in sorted(said.items()):
        for model in MODELS:
            found = skill(answers, model)
            why += [f"{' '.join(of)}: {found.why}"] if found.why and model == MODELS[0] else []
            for who, value in found.skill.items():
                able.setdefault((who, " ".join(of)), {})[model] = value
    console, table = Console(), Table(header_style="bold")
    for column in ("annotator", "question", "gold", "attention", "Dawid-Skene", "MACE"):
        table.add_column(column, justify="left" if column in ("annotator", "question") else "right")
    for who, rate in rates.items():
        table.add_row(who, "all", _rate(rate.gold), _rate(rate.attention), "", "")
    for (who, question), values in sorted(able.items()):
        table.add_row(who, question, "", "", *(f"{values[model]:.3f}" if model in values else "–" for model in MODELS))
    if not rates and not able:
        _print(f"{labels.folder}: no answers to gold rows, and no question that {_needed()}")
    else:
        console.print(table)
    for line in why:
        _print(f"no habits of {line}")
    for (name, row), rate in gold.doubtful(labels).items():
        _print(f"{name}, row {row.hex()}: {_rate(rate)} answered as it says; is the gold right?")


def _needed() -> str:
    return "three people answered on shared rows"


def _rate(rate: gold.Rate) -> str:
    return f"{rate.passed} of {rate.whole} ({rate.share:.0%})" if rate.whole else "–"


def write_resolved(labels: Labels, method: Any, sure: float | None, gold_least: float | None, out: str | None) -> None:
    """Writes decisions and says how they were made."""
    policy, made_of = Policy(method, sure, gold_least), labels.lines()
    found = resolve(labels, policy)
    url = out or str(labels.folder / "decisions")
    excluded = {who: round(share, 3) for who, share in sorted(found.excluded.items())}
    about = {"policy": policy.about(), "excluded": excluded, "without_model": found.without_model, "from": made_of}
    manifest = write_decisions(url, found.decisions, about)
    methods = ", ".join(f"{count:,} {name}" for name, count in manifest["methods"].items()) or "nothing was answered"
    _print(f"{url}: {manifest['rows']:,} rows, {manifest['lines']:,} questions: {methods}")
    _tell_found(found)
    if found.disputed:
        _print(f"{len(found.disputed):,} rows are disputed: `seimai review adjudicate` puts them before somebody else")


def put_disputes(
    home: Path | None, url: str | None, labels: Labels, method: Any, sure: float | None, gold_least: float | None
) -> None:
    """Pulls, resolves, and brings disputed rows before those who may settle them."""
    policy = Policy(method, sure, gold_least)
    pull_all(home, url, labels)
    found = resolve(labels, policy)
    with reached(home, url) as client:
        done = adjudicate(client, labels, found)
    _tell_found(found)
    pushed = "".join(f"; {count:,} to {who}" for who, count in sorted(done.pushed.items()))
    back = "".join(f"; {count:,} taken back ({why})" for why, count in sorted(done.withdrawn.items()))
    _print(f"{done.disputed:,} rows are disputed, {done.waiting:,} of them wait for an answer already{pushed}{back}")
    for source, of, row in done.nobody[:EXAMPLES]:
        _print(f"nobody may settle {of} {row.hex()} of {source}: it needs somebody who has not had it")
    if done.nobody:
        _print(f"{len(done.nobody):,} rows have nobody who may settle them: `seimai review adjudicator NAME`")


def appoint(home: Path | None, url: str | None, name: str) -> None:
    """Lets somebody settle disputes; a new user's password is shown once and kept nowhere."""
    password = secrets.token_urlsafe(9)
    with reached(home, url) as client:
        new = people.appoint(client, name, password)
        lines = [f"{client.url}/sign-in", f"  user      {name}"]
    if new:
        lines += [f"  password  {password}", "shown once"]
    for line in (*lines, "settles disputes on rows that they have not had as an annotator"):
        _print(line)


def _tell_found(found: Resolved) -> None:
    for who, share in sorted(found.excluded.items()):
        _print(f"left out: {who} passed {share:.0%} of the gold rows")
    for line in found.without_model:
        _print(f"by majority: {line}")
    for source, of, row in found.own_votes[:EXAMPLES]:
        _print(f"not taken: {of} {row.hex()} of {source} was settled by somebody who voted on it")


def _print(line: str) -> None:
    Console().print(line, markup=False, highlight=False, soft_wrap=True)
