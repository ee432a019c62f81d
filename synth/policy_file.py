"""The policy file read: every entry says what it must, or the error names it. What it means: `synth/models.py`."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_args

import yaml

from curation.yaml_file import load_yaml
from synth.models import STATUSES, Policy
from synth.obligations import PolicyError, Purpose, read_obligations

DOCUMENT_KINDS = ("open", "public", "denied")
"""What a document's licence is: see `synth/rights.py`."""
WRITERS = ("human", "model", "mixed")
"""Who may have written the answers of an imported set."""
_NEEDED = ("status", "reason", "link")
_REVIEWED = ("licence", "reviewer", "date")


def load_policy(path: str | Path) -> Policy:
    """Reads a policy file. Raises PolicyError for what it does not say clearly, naming the entry."""
    path = Path(path)
    try:
        data = load_yaml(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise PolicyError(f"{path.name}: cannot be read: {error}") from error
    lists = ("providers", "families", "models", "data", "declared", "unknown_web")
    if not isinstance(data, dict) or any(not isinstance(data.get(name, []), list) for name in lists):
        raise PolicyError(f"{path.name}: a policy has the lists {', '.join(lists)} and the mapping documents")
    models: dict[tuple[str, str, str], Mapping[str, Any]] = {}
    for entry in data.get("models") or []:
        place = f"{path.name}, model {entry.get('model', '?')}"
        _has(entry, ("model", "revision", "weights", "licence_sha256", "source", *_REVIEWED, *_NEEDED), place)
        if not isinstance(entry.get("demo", False), bool):
            raise PolicyError(f"{place}: demo is true or false, not {entry['demo']!r}")
        models[entry["model"], str(entry["revision"]), entry["weights"]] = entry
    for provider in data.get("providers") or []:
        _has(provider, ("name", "hosts", "models", "calls_itself", "reason", "link"), f"{path.name}, provider")
    for family in data.get("families") or []:
        _has(family, ("name", "models", *_NEEDED), f"{path.name}, family {family.get('name', '?')}")
    for entry in data.get("data") or []:
        place = f"{path.name}, data {entry.get('id', '?')}"
        _has(entry, ("id", *_REVIEWED, *_NEEDED), place)
        _check_imported(entry, place)
    for line in data.get("declared") or []:
        _has(line, ("model", "revision", "signed_by", "date", "reason"), f"{path.name}, declared")
    for line in data.get("unknown_web") or []:
        _has(line, ("basis", "purposes", "reviewer", "date", "reason"), f"{path.name}, unknown_web")
        _check_purposes(line["purposes"], f"{path.name}, unknown_web '{line['basis']}'")
    documents = data.get("documents") or {}
    for licence, entry in documents.items():
        place = f"{path.name}, documents, {licence}"
        if not isinstance(entry, dict) or entry.get("kind") not in DOCUMENT_KINDS:
            found = entry.get("kind") if isinstance(entry, dict) else entry
            raise PolicyError(f"{place}: kind is one of {', '.join(DOCUMENT_KINDS)}, not {found!r}")
        read_obligations(entry.get("obligations", ()), licence, place)
    named = {e["id"]: e for e in data.get("data") or []}
    rest = {name: tuple(data.get(name) or ()) for name in ("providers", "families", "declared", "unknown_web")}
    policy = Policy(
        path.name,
        str(data.get("version", "")),
        models=models,
        data=named,
        documents=documents,
        **rest,
    )
    for (
        model,
        _,
        _,
    ), entry in models.items():  # obligations that are none, circles, unknown kinds: said now and not at release
        policy.of_entry(f"model {model}", entry)
    for name in named:
        policy.of_data(name)
    return policy


def _check_imported(entry: Mapping[str, Any], place: str) -> None:
    """What an entry says of a set that may be imported: for which purposes, who wrote it, who read its answers."""
    if "purposes" in entry:
        _check_purposes(entry["purposes"], place)
    if entry.get("written_by") not in (None, *WRITERS):
        raise PolicyError(f"{place}: written_by is one of {', '.join(WRITERS)}, not {entry['written_by']!r}")
    if "answers_reviewed" in entry:
        _has(entry["answers_reviewed"], ("by", "date"), f"{place}, answers_reviewed")


def _check_purposes(said: Any, place: str) -> None:
    known = get_args(Purpose)
    if not isinstance(said, list) or not said:
        raise PolicyError(f"{place}: purposes is a list of {', '.join(known)}, not {said!r}")
    if unknown := sorted(set(map(str, said)) - set(known)):
        raise PolicyError(f"{place}: there is no purpose '{unknown[0]}'; {', '.join(known)}")


def _has(entry: Any, names: Iterable[str], where: str) -> None:
    missing = [name for name in names if not isinstance(entry, dict) or entry.get(name) in (None, "")]
    if missing:
        raise PolicyError(f"{where}: lacks {', '.join(missing)}")
    if entry.get("status", "allow") not in STATUSES:
        raise PolicyError(f"{where}: status must be allow, conditional or deny, not {entry['status']!r}")
