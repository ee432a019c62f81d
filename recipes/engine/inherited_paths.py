"""Files that an inherited recipe names (`like: OTHER`): they lie beside that recipe, not beside the one that inherits them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

KINDS_OF_FILES = ("files", "warc", "parquet", "jsonl", "ranges")
"""Keys of a source that name files."""


def with_absolute_files(data: dict[str, Any], folder: Path) -> dict[str, Any]:
    """A recipe's mapping with every file that it names found from its own folder; what is no mapping stays for the check to name.

    Sources (also those that a stage reads), evaluation sets of steps, `policy`, `forgotten`, what a generation names (models,
    evaluation sets, bases, imported sets, domains), and a jury (models, people's decisions).
    """

    def found(value: Any) -> Any:
        if isinstance(value, list):
            return [found(one) for one in value]
        return value if not isinstance(value, str) or "://" in value else str((folder / value).resolve())

    def source(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: found(v) if k in KINDS_OF_FILES else v for k, v in value.items()}
        return found(value)

    made = dict(data)
    if isinstance(sources := made.get("sources"), dict):
        made["sources"] = {name: source(one) for name, one in sources.items()}
    if isinstance(stages := made.get("stages"), list):
        made["stages"] = [_stage(one, source, found) for one in stages]
    for name in ("policy", "forgotten"):
        if made.get(name):
            made[name] = found(made[name])
    if isinstance(generate := made.get("generate"), list):
        made["generate"] = [_generation(one, found) for one in generate]
    if isinstance(judge := made.get("judge"), list):
        made["judge"] = [_jury(one, found) for one in judge]
    return made


def _stage(stage: Any, source: Callable[[Any], Any], found: Callable[[Any], Any]) -> Any:
    if not isinstance(stage, dict):
        return stage
    made = {**stage, "read": source(stage["read"])} if isinstance(stage.get("read"), dict) else dict(stage)
    if isinstance(steps := made.get("steps"), list):
        made["steps"] = [_step(one, found) for one in steps]
    return made


LISTED = ("ng_words", "url_blocklist")
"""Steps whose `lists` name YAML files, beside names of lists that come along."""


def lists_found(step: str, params: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """A step's parameters with lists of one's own found from the recipe's folder; what is not there stays for the step to name."""
    said = params.get("lists")
    if step not in LISTED or not isinstance(said, list):
        return dict(params)
    there = [str(folder / one) if _is_file(one) and (folder / one).is_file() else one for one in said]
    return {**params, "lists": there}


def _is_file(one: Any) -> bool:
    return isinstance(one, str) and one.endswith((".yaml", ".yml"))


def _step(one: Any, found: Callable[[Any], Any]) -> Any:
    if isinstance(one, dict) and "decontaminate" in one:
        return {"decontaminate": _sets(one["decontaminate"], found)}
    if isinstance(one, dict) and isinstance(said := one.get("opt_out"), dict):
        lists = [found(n) if _is_file(n) else n for n in said.get("lists") or []]
        return {"opt_out": said | {"robots": found(said.get("robots") or []), "lists": lists}}
    for name in LISTED if isinstance(one, dict) else ():
        if isinstance(said := one.get(name), dict) and isinstance(said.get("lists"), list):
            return {name: said | {"lists": [found(n) if _is_file(n) else n for n in said["lists"]]}}
    return one


def _sets(said: Any, found: Callable[[Any], Any]) -> Any:
    """Evaluation sets with their files found, and packs that are files of one's own."""
    if not isinstance(said, dict) or not isinstance(said.get("sets"), dict):
        return said

    def placed(key: str, value: Any) -> Any:
        own = key == "file" or (key == "pack" and isinstance(value, str) and value.endswith((".yaml", ".yml")))
        return found(value) if own else value

    sets = {
        n: {k: placed(k, v) for k, v in one.items()} if isinstance(one, dict) else one
        for n, one in said["sets"].items()
    }
    return {**said, "sets": sets}


def _generation(said: Any, found: Callable[[Any], Any]) -> Any:
    if not isinstance(said, dict):
        return said

    def each(value: Any, keys: tuple[str, ...]) -> Any:
        """A mapping with these keys of it found."""
        return {k: found(v) if k in keys else v for k, v in value.items()} if isinstance(value, dict) else value

    made = dict(said)
    if isinstance(engine := made.get("engine"), dict):
        made["engine"] = {kind: each(params, ("path", "licence", "log")) for kind, params in engine.items()}
    made |= {k: each(made[k], ("base",)) for k in ("novelty",) if k in made}
    if "decontaminate" in made:
        made["decontaminate"] = _sets(made["decontaminate"], found)
    if isinstance(imports := made.get("imports"), dict):
        made["imports"] = {name: each(one, ("files",)) for name, one in imports.items()}
    if isinstance(tasks := made.get("tasks"), dict):
        made["tasks"] = {name: _task(one, found) for name, one in tasks.items()}
    return made


def _jury(said: Any, found: Callable[[Any], Any]) -> Any:
    if not isinstance(said, dict):
        return said
    made = dict(said)
    if made.get("people"):
        made["people"] = found(made["people"])
    if isinstance(judges := made.get("judges"), dict):
        made["judges"] = {name: _generation(one, found) for name, one in judges.items()}
    return made


def _task(order: Any, found: Callable[[Any], Any]) -> Any:
    """An order; of its parameters, what ends in .yaml is a file (a domain of one's own)."""
    if not isinstance(order, dict) or not isinstance(order.get("with"), dict):
        return order

    def value(one: Any) -> Any:
        if isinstance(one, list):
            return [value(inner) for inner in one]
        return found(one) if isinstance(one, str) and one.endswith(".yaml") else one

    return {**order, "with": {k: value(v) for k, v in order["with"].items()}}
