"""`seimai explain RUN ROW`: a generated row's whole story, of one that was taken as of a candidate that was refused.

What it grew from (a passage's page has its own story, told after it), the wording and the spec, the prompt and the answer, what every
verifier found with its evidence, the decision with its reason, and who wrote it under which conditions. Messages are shown whole,
but of a row that grew from a page the shape alone, unless the page's text may be shown (`--samples`).
"""

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table
from rich.text import Text

from curation.place import Place
from recipes.engine.explain.facts import print_facts
from recipes.engine.run_folder import Run
from recipes.engine.wording import masked, number, one_line
from synth.dialogue import REASONS
from synth.generated.rows import order_of
from synth.generated.stated import GeneratedSet
from synth.wordings import WordingError, wordings

MOST = 20
"""Rows of one beginning of an id that are told."""
EVIDENCE = 5
"""Pieces of evidence of one verdict that are shown."""
_OWN_WORD = re.compile(r"[a-z][a-z0-9_]{0,30}")


@dataclass(frozen=True)
class GeneratedStory:
    """A generated row with the set that it lies in; `refused` where it became none."""

    row: Mapping[str, Any]
    found: GeneratedSet
    name: str
    refused: bool

    @property
    def imported(self) -> Mapping[str, Any]:
        """What the manifest says of the set that an imported row is from; nothing of another row."""
        return self.found.imports.get(order_of(self.row, self.found.orders) or "", {})

    @property
    def documents(self) -> list[str]:
        """Ids of the pages that it grew from."""
        return [s["id"] for s in self.row["seeds"] or () if s["kind"] == "document"]


def find_generated(run: Run, digits: str) -> Iterator[GeneratedStory]:
    """Rows and refused candidates of a run's generations whose id begins with these hexadecimal digits, at most `MOST`."""
    told = 0
    for name, found in _sets(run):
        for kind in ("data", "refused"):
            for file in found.files(kind):
                opened = found.folder.parquet(file["path"])
                ids = opened.read(columns=["id"]).column("id").to_pylist()
                places = [i for i, ident in enumerate(ids) if ident.hex().startswith(digits.lower())]
                rows = opened.read().take(places).to_pylist() if places and told < MOST else []
                for row in rows[: MOST - told]:
                    told += 1
                    yield GeneratedStory(row, found, name, kind == "refused")


def grown_from(run: Run, page: str) -> list[tuple[str, str, str]]:
    """Generated rows that grew from a page (its id in hexadecimal): generation, task and id of each, those taken alone."""
    grown: list[tuple[str, str, str]] = []
    for name, found in _sets(run):
        for _, row in found.rows("data", ["id", "task", "seeds"]):
            if any(s["id"] == page and s["kind"] == "document" for s in row["seeds"] or ()):
                grown.append((name, row["task"], row["id"].hex()))
    return grown


def _sets(run: Run) -> Iterator[tuple[str, GeneratedSet]]:
    for one in run.about.get("generated", ()):
        url = posixpath.join(run.place.url, one["url"])
        if Place(url).exists("manifest.json"):
            yield one["name"], GeneratedSet.open(url)


def tell_generated(console: Console, story: GeneratedStory, samples: bool = False) -> None:
    """Prints one story; samples: with the text of pages that it grew from."""
    row = story.row
    console.print(Text(f"generated row {row['id'].hex()}", style="bold"))
    console.print(_headline(story))
    print_facts(console, "asked", _asked(story))
    print_facts(console, "grew from", [*((s["kind"], _seed(s)) for s in row["seeds"] or ()), *_file(story)])
    hide = bool(story.documents) and not samples
    print_facts(console, "spec", _spec(row, hide))
    _messages(console, row, hide)
    print_facts(console, "answer", _answer(row))
    _verdicts(console, row, hide)
    print_facts(console, "rights", _rights(row))
    console.print()


def _headline(story: GeneratedStory) -> Text:
    row = story.row
    if not story.refused:
        read = story.imported.get("reviewed") if row["verdict"] == "unverified" else ""
        why = f"no verifier looked at it, its set's answers were read by {read}" if read else "every verifier passed"
        return Text(f"TAKEN  into {story.name}, round {row['round'] + 1}; {why}", style="bold green")
    text = Text(f"REFUSED  by {story.name}, round {row['round'] + 1}: {row['reason']}", style="bold red")
    if (reason := REASONS.get(row["reason"])) is not None:
        text.append(f"\n         {reason.meaning} ({reason.meaning_ja})", style="not bold red")
    if row["value"] is not None:
        bound = "" if row["threshold"] is None else f" against the bound {number(row['threshold'])}"
        text.append(f"\n         measured {number(row['value'])}{bound}", style="not bold red")
    if row["detail"]:
        text.append(f"\n         {one_line(row['detail'])}", style="not bold red")
    return text


def _asked(story: GeneratedStory) -> list[tuple[str, str]]:
    row = story.row
    order = order_of(row, story.found.orders)
    about = ", ".join(str(row[name]) for name in ("domain", "lang", "split") if row[name] is not None)
    return [
        ("order", f"{order or '(of none: see seimai verify)'}, task {row['task']} {row['spec_version']}"),
        ("function", f"{row['function']} ({about})"),
        ("wording", f"{row['template']}, {row['wording_state']}" if row["template"] else "its own: imported"),
        ("", _line(row["template"]) if row["template"] else ""),
        ("prompt key", row["prompt_key"].hex()),
        ("cluster", row["cluster"].hex() if row["cluster"] is not None else "not compared with other prompts"),
        ("evaluation", ", ".join(row["contamination"] or ()) or _uncontaminated(story)),
    ]


def _uncontaminated(story: GeneratedStory) -> str:
    """What is said of a row that shares nothing with evaluation sets; "" where it was refused before that was asked."""
    compared = not story.refused or story.row["cluster"] is not None
    return "holds nothing of a set that the recipe names" if compared else ""


def _line(template: str) -> str:
    """The wording's text as it stands in the project now; "" for one of a file that is not there."""
    group, _, name = template.partition("/")
    try:
        return next((f"「{line.text.strip()}」" for line in wordings(group).lines if line.name == name), "")
    except WordingError:
        return ""


def _seed(seed: Mapping[str, Any]) -> str:
    """One thing that a row grew from."""
    parts = [f"{name} {seed[name]}" for name in ("topic", "host", "licence", "rights_basis") if seed.get(name)]
    return one_line(f"{seed['id']}, {seed['use'] or 'used'}" + "".join(f", {part}" for part in parts))


def _file(story: GeneratedStory) -> list[tuple[str, str]]:
    """File and line or row from which an imported row is; nothing for others."""
    for seed in story.row["seeds"] or ():
        if seed["kind"] == "instruction":
            _, digest, number = seed["id"].rsplit(":", 2)
            files = [f["file"] for f in story.imported.get("files", ()) if f["sha256"].startswith(digest)]
            return [("", f"row {number} of {files[0]}")] if files else []
    return []


def _spec(row: Mapping[str, Any], hide: bool) -> list[tuple[str, str]]:
    """Each constraint with its parameters, by the turn that it judges. hide: words that may be a page's are masked."""
    lines: list[tuple[str, str]] = []
    for turn in orjson.loads(row["spec"])["turns"]:
        for i, one in enumerate(turn["constraints"]):
            params = {k: _hidden(v, row["messages"]) if hide else v for k, v in one.items() if k != "kind"}
            rest = orjson.dumps(params).decode() if params else ""
            lines.append(("" if i else f"turn {turn['turn']}", one_line(f"{one['kind']} {rest}", 400)))
    return lines


def _hidden(value: Any, messages: str) -> Any:
    """A parameter whose texts are masked: keys, numbers and the words of our own that stand in no message hold nothing of a page."""
    if isinstance(value, dict):
        return {name: _hidden(inner, messages) for name, inner in value.items()}
    if isinstance(value, list):
        return [_hidden(inner, messages) for inner in value]
    if not isinstance(value, str) or (_OWN_WORD.fullmatch(value) and value not in messages):
        return value
    return masked(value, 40)


def _messages(console: Console, row: Mapping[str, Any], hide: bool) -> None:
    console.print("\n[bold]messages[/]" + ("  (masked: it grew from a page; --samples shows them)" if hide else ""))
    trains = {t["index"]: t for t in row["turns"] or ()}
    for i, message in enumerate(orjson.loads(row["messages"])):
        turn = trains.get(i)
        note = "" if turn is None else f"  {turn['verdict']}, {'trains' if turn['train'] else 'does not train'}"
        console.print(Text(f"{i} {message['role']}{note}", style="dim"))
        extra = {k: v for k, v in message.items() if k not in ("role", "content")}
        for text in filter(None, (message.get("content"), orjson.dumps(extra).decode() if extra else "")):
            console.print(
                Text(masked(text, 400) if hide else _shown(text), style="" if text == message["content"] else "dim")
            )
    if row["tools"]:
        console.print(Text(f"tools {_shown(row['tools'])}", style="dim"))


def _shown(text: str) -> str:
    """A text as it is, lines kept, without what a terminal would obey."""
    return "".join(c if c.isprintable() or c == "\n" else " " for c in text)


def _answer(row: Mapping[str, Any]) -> list[tuple[str, str]]:
    if row["answer_origin"] is None:
        return [("origin", "none: there is no answer")]
    if row["answer_origin"] != "model":
        by = {"imported": "outside, by whom the policy does not say", "human": "human, as the policy says of its set"}
        return [("origin", f"{by.get(row['answer_origin'], row['answer_origin'])}; no model was asked")]
    tokens = f"{row['prompt_tokens']} + {row['completion_tokens']} tokens, finish {row['finish']}"
    structure = [("structure", one_line(row["structure"]))] if row["structure"] else []
    return [
        ("origin", f"model {row['model']}, revision {row['revision']}"),
        ("weights", f"{row['weights']}, {'hashed by the run' if row['verified'] else 'declared by its operator'}"),
        ("engine", f"{row['engine']}; {tokens}"),
        ("sampling", f"sample {row['sample']}, seed {row['seed']}, {row['sampling']}"),
        *structure,
        ("store", f"completion {row['completion_key'].hex()}"),
    ]


def _verdicts(console: Console, row: Mapping[str, Any], hide: bool) -> None:
    console.print(Text(f"\nverdict {row['verdict']}", style="bold"))
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 1, 0, 1))
    for name in ("", "turn", "verifier", "score", "evidence"):
        table.add_column(name, overflow="fold", justify="right" if name == "score" else "left")
    for one in row["verifications"] or ():
        mark, style = {"pass": ("✓", "green"), "fail": ("✗", "red")}.get(one["verdict"], ("·", "yellow"))
        evidence = orjson.loads(one["evidence"])
        said = "\n".join(_evidence(e, hide) for e in evidence[:EVIDENCE])
        more = f"\nand {len(evidence) - EVIDENCE} more" if len(evidence) > EVIDENCE else ""
        soft = "" if one["hard"] else " (soft)"
        score = "" if one["score"] is None else number(one["score"])
        kind = f"{one['verifier']} {one['version']} {one['verdict']}{soft}"
        table.add_row(Text(mark, style=style), str(one["turn"]), Text(kind, style=style), score, Text(said + more))
    console.print(table)


def _evidence(one: Mapping[str, Any], hide: bool) -> str:
    """One piece of evidence: what it is, what was found and wanted, and where; words of a page are masked like its text."""
    said = one["what"]
    for name in ("found", "wanted"):
        if (value := one[name]) is not None:
            said += f", {name} {masked(value) if hide and isinstance(value, str) else value}"
    place = f", at {one['start']}" + (f" to {one['end']}" if one["end"] >= 0 else "") if one["start"] >= 0 else ""
    return one_line(said + place)


def _rights(row: Mapping[str, Any]) -> list[tuple[str, str]]:
    authors = [
        (a["role"], f"{a['model']}{' ' + a['revision'] if a['revision'] else ''}: {a['status']}")
        for a in row["authors"] or ()
    ]
    owed = [f"{o['kind']} {o['value']} ({o['source']})".replace("  ", " ") for o in orjson.loads(row["obligations"])]
    return [("status", row["licence_status"]), *authors, ("obliges to", "\n".join(owed) or "nothing")]
