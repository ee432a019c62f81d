"""`seimai show recipes | sources | steps | columns | reasons | presets`: what there is, from the engine's registries.

`seimai show presets --on RUN` counts what each rule of each preset would remove from a run whose columns were measured, so that
a threshold can be chosen from one's own crawl.
"""

import difflib
import inspect
import types
import typing
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from curation.document import COLUMNS, REASONS
from curation.extract.inputs import KINDS
from curation.extract.reader import READERS
from curation.filters.preset import Preset, load_preset, preset_names
from curation.step import Step
from recipes.engine import blocks, recipe_file
from recipes.engine.errors import RecipeError
from recipes.engine.preset_effects import show_effects
from recipes.engine.run_folder import Run, open_run
from recipes.engine.run_rules import own_presets
from recipes.engine.source_read import reader_class
from recipes.engine.wording import keep_sign


def show(what: str, name: str | None = None, on_run: str | None = None) -> None:
    """Prints a list (`recipes`, `sources`, `steps`, `columns`, `reasons`, `presets`), or one of it in full.

    With `on_run`, what the rules of the presets (or of one) would remove from that run. Raises RecipeError for an unknown name.
    """
    shown: dict[str, tuple[Callable[[], Iterable[str]], Callable[[Console], None], Callable[[Console, str], None]]] = {
        "recipes": (recipe_file.packaged, _recipes, _recipe),
        "sources": (lambda: READERS, _sources, _source),
        "steps": (lambda: blocks.STEPS, _steps, _step),
        "columns": (lambda: COLUMNS, _columns, _column),
        "reasons": (lambda: REASONS, _reasons, _reason),
        "presets": (preset_names, _presets, _preset),
    }
    if what not in shown:
        raise RecipeError(f"show {what}: {_nearest(what, shown)}")
    names, every, one = shown[what]
    if on_run is not None and what != "presets":
        raise RecipeError(
            f"show {what} --on: only presets are counted on a run; write seimai show presets --on {on_run}"
        )
    is_file = what == "presets" and name is not None and name.endswith((".yaml", ".yml"))
    if on_run is not None:
        _effects(open_run(on_run), name, on_run)
        return
    if name is not None and not is_file and name not in names():
        raise RecipeError(f"show {what} {name}: there is no such {what[:-1]}; {_nearest(name, names())}")
    console = _console()
    if name is None:
        every(console)
    else:
        one(console, name)


def _effects(run: Run, name: str | None, on_run: str) -> None:
    """What rules would remove from a run: those that its recipe states itself, and the packaged presets; or one of them."""
    own = {preset.name: preset for preset in own_presets(run)}
    names = [*own, *preset_names()]
    if name is None:
        presets = [own[n] if n in own else _loaded(n) for n in names]
    elif name == "rules" and own:
        presets = list(own.values())
    elif name in own:
        presets = [own[name]]
    elif name in names or name.endswith((".yaml", ".yml")):
        presets = [_loaded(name)]
    else:
        raise RecipeError(f"show presets {name} --on {on_run}: there is no such preset; {_nearest(name, names)}")
    show_effects(_console(), run, presets, examples=name is not None)


def _console() -> Console:
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=100)


def _nearest(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), 1)
    return f"did you mean '{near[0]}'?" if near else f"there are: {', '.join(sorted(known))}"


def _table(*columns: str, right: Sequence[str] = ()) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for at, column in enumerate(columns):
        table.add_column(column, justify="right" if column in right else "left", overflow="fold", no_wrap=at == 0)
    return table


def _recipes(console: Console) -> None:
    table = _table("recipe", "what it is for")
    for name in recipe_file.packaged():
        head = (recipe_file.FOLDER / f"{name}.yaml").read_text(encoding="utf-8").splitlines()
        table.add_row(name, Text(head[0].lstrip("# ") if head and head[0].startswith("#") else ""))
    console.print(table)


def _recipe(console: Console, name: str) -> None:
    text = (recipe_file.FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
    console.print(text, markup=False, soft_wrap=True, end="")


def _first_line(thing: Any) -> str:
    return (inspect.getdoc(thing) or "").split("\n")[0]


def _steps(console: Console) -> None:
    table = _table("step", "what it does", "parameters")
    for name in blocks.STEPS:
        cls = blocks.step_class(name, "show steps")
        said = ", ".join(p if default is ... else f"[{p}]" for p, (_, default) in blocks.parameters(cls).items())
        table.add_row(name, Text(_first_line(cls)), Text(said))
    console.print(table)
    console.print("\n[dim]\\[key] has a default. One step in full: seimai show steps NAME[/]")


def _step(console: Console, name: str) -> None:
    cls = blocks.step_class(name, "show steps")
    console.print(Text(f"{name}", style="bold"), Text(f"({cls.__module__}.{cls.__name__})", style="dim"))
    console.print(Text(inspect.getdoc(cls) or ""))
    _parameters(console, "parameter", blocks.parameters(cls))
    for title, names in (("reads", cls.reads), ("writes", cls.writes), ("drops", cls.drops)):
        if names and isinstance(names, tuple):
            table = _table(title, "meaning")
            for column in names:
                table.add_row(column, Text(COLUMNS[column].meaning if column in COLUMNS else ""))
            console.print()
            console.print(table)
    _own_reasons(console, cls)


def _parameters(console: Console, title: str, found: dict[str, tuple[Any, Any]]) -> None:
    if found:
        table = _table(title, "type", "default")
        for key, (kind, default) in found.items():
            table.add_row(key, Text(_type_name(kind)), Text("required" if default is ... else repr(default)))
        console.print()
        console.print(table)


def _options(kind: str) -> tuple[type[Step], dict[str, tuple[Any, Any]]]:
    """The class that reads a kind of source, and the options that a recipe may give it."""
    cls = reader_class(kind)
    return cls, {key: p for key, p in blocks.parameters(cls).items() if key not in ("units", "source")}


def _sources(console: Console) -> None:
    table = _table("source", "file names", "options")
    for kind in READERS:
        ends = " ".join(KINDS[kind]) + ("" if kind == "parquet" else ", also .gz .zst")
        table.add_row(kind, Text(ends), Text(", ".join(_options(kind)[1])))
    console.print(table)
    console.print(
        "\n[dim]One in full: seimai show sources KIND. Each has a default: --set sources.NAME.options.KEY=VALUE[/]"
    )


def _source(console: Console, kind: str) -> None:
    cls, found = _options(kind)
    console.print(Text(kind, style="bold"), Text(f"({cls.__module__}.{cls.__name__})", style="dim"))
    console.print(Text(inspect.getdoc(cls) or ""))
    _parameters(console, "option", found)
    _own_reasons(console, cls)


def _own_reasons(console: Console, cls: type[Step]) -> None:
    if isinstance(cls.reasons, tuple) and cls.reasons:
        table = _table("rejects as", "because")
        for reason in cls.reasons:
            table.add_row(reason, Text(REASONS[reason].meaning if reason in REASONS else ""))
        console.print()
        console.print(table)


def _type_name(kind: Any) -> str:
    if isinstance(kind, types.UnionType) or typing.get_origin(kind) is typing.Union:
        return " | ".join(_type_name(part) for part in typing.get_args(kind))
    if isinstance(kind, type) and not typing.get_args(kind):
        return "None" if kind is type(None) else kind.__name__
    return str(kind).replace("typing.", "")


def _columns(console: Console) -> None:
    table = _table("column", "type", "meaning")
    for column in COLUMNS.values():
        meaning = f"{column.meaning}{' (only inside a stage)' if column.transient else ''}"
        table.add_row(column.name, Text(str(column.type)), Text(meaning))
    console.print(table)


def _column(console: Console, name: str) -> None:
    column = COLUMNS[name]
    table = _table(name, str(column.type))
    table.add_row("meaning", Text(column.meaning))
    table.add_row("written by", Text(", ".join(blocks.writers(name)) or "a reader"))
    table.add_row("presets", Text(", ".join(n for n in preset_names() if name in load_preset(n).columns) or "–"))
    console.print(table)


def _reasons(console: Console) -> None:
    table = _table("reason", "kept of the row", "because", "理由")
    for reason in REASONS.values():
        table.add_row(reason.name, reason.tier, Text(reason.meaning), Text(reason.meaning_ja))
    console.print(table)
    console.print("\n[dim]A threshold's reasons are preset.rule: seimai show presets[/]")


def _reason(console: Console, name: str) -> None:
    reason = REASONS[name]
    kept = "every column" if reason.tier == "full" else "the key columns, and a seeded sample of full rows"
    table = _table(name, "")
    table.add_row("because", Text(reason.meaning))
    table.add_row("理由", Text(reason.meaning_ja))
    table.add_row("kept", f"{kept} (tier {reason.tier}; a recipe's 'rejected' may say otherwise)")
    console.print(table)


def _presets(console: Console) -> None:
    table = _table("preset", "rules", "about", right=("rules",))
    for name in preset_names():
        preset = load_preset(name)
        table.add_row(name, str(len(preset.rules)), Text(preset.about))
    console.print(table)
    console.print("\n[dim]One in full: seimai show presets NAME; on your own pages: seimai show presets --on RUN[/]")


def _preset(console: Console, name: str) -> None:
    preset = _loaded(name)
    console.print(Text(preset.name, style="bold"))
    console.print(Text(preset.about))
    for key, value in preset.source.items():
        console.print(Text(f"{key}: {value}", style="dim"))
    table = _table("rule", "column", "keeps", "note")
    for rule in preset.rules:
        for at, test in enumerate(rule.tests):
            note = " ".join([rule.note, "(needs words)" if rule.needs == "words" else ""]).strip()
            said = (rule.name, note) if not at else ("  or", "")
            table.add_row(said[0], test.column, Text(keep_sign(test.keep)), Text(said[1]))
    console.print()
    console.print(table)
    if preset.differences:
        console.print("\n[bold]how it differs from its original[/]")
    for difference in preset.differences:
        console.print(Text(f"- {' '.join(difference.split())}"))


def _loaded(name: str) -> Preset:
    try:
        return load_preset(name)
    except (ValueError, OSError) as error:
        raise RecipeError(f"show presets {name}: {error}") from error
