"""The data card of a release, in English (`README.md`) and Japanese (`README.ja.md`), from its manifest alone.

The head of README.md names every set as a configuration, so that `datasets.load_dataset(FOLDER, "trl_dpo")` finds its files.
Formats in JSON lines are not among them: their trainers read the files by themselves, and `datasets` reads one kind of file a
folder.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import yaml

from annotation.release.card_words import asked, said
from annotation.release.formats.format import REASONS as UNSAYABLE
from annotation.release.row import REASONS
from curation.document import Reason
from synth.dialogue import REASONS as REFUSED

Language = Literal["en", "ja"]
FILES: Mapping[str, Language] = {"README.md": "en", "README.ja.md": "ja"}

PURPOSES = {
    "train_internal": {"en": "training inside the house", "ja": "組織内での学習"},
    "share": {"en": "passing on to named partners", "ja": "特定の相手への提供"},
    "publish": {"en": "publication", "ja": "公開"},
}
LIMITS = {
    "verified": {
        "en": "What verifiers passed keeps its stated constraints; whether it is true or helpful beyond them, they do not say.",
        "ja": "検証器が確かめたのは、指定された条件を満たすことだけです。それ以外の正しさや有用さは保証しません。",
    },
    "unread": {
        "en": "Most rows were read by nobody: {decided:,} of {rows:,} carry a decision by people.",
        "ja": "ほとんどの行はだれも読んでいません。人の判断があるのは {rows:,} 行のうち {decided:,} 行です。",
    },
    "program": {
        "en": "Prompts made by program follow few wordings, so they are less varied than what people ask.",
        "ja": "プログラムが作った依頼は言い回しの種類が限られ、人の依頼ほど多様ではありません。",
    },
    "size": {
        "en": "Characters are counted, not tokens: a trainer's tokenizer decides how many tokens they are.",
        "ja": "数えているのは文字数です。トークン数は学習に使うトークナイザーによって決まります。",
    },
    "inside": {
        "en": "For training inside the house only: nothing of it may be passed on.",
        "ja": "組織内の学習専用です。外へ渡すことはできません。",
    },
}
"""Limits that follow from how a release is made, whatever its owner adds."""


def cards(manifest: Mapping[str, Any]) -> dict[str, str]:
    """Both cards by file name."""
    return {
        name: (_head(manifest) if language == "en" else "") + _card(manifest, language)
        for name, language in FILES.items()
    }


def limits(manifest: Mapping[str, Any], language: Language) -> Iterator[str]:
    """Known limits: those that follow from the release, then its owner's."""
    decided = sum(count for *_, count in manifest["counted"]["decisions"])
    talks = any(kind != "text" for kind in manifest["shards"])
    inside = manifest["target"]["purpose"] == "train_internal"
    for name, holds in (("verified", talks), ("unread", talks), ("program", talks), ("size", True), ("inside", inside)):
        if holds:
            yield LIMITS[name][language].format(decided=decided, rows=manifest["rows_out"])
    yield from manifest["limits"].get(language, ())


def loadable(manifest: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Configurations that `datasets` loads: patterns of files by name and split."""
    made = {
        name: {split: f"{name}/{split}-*.parquet" for split in of["splits"]}
        for name, of in manifest["formats"].items()
        if of["columns"] is not None and of["splits"]
    }
    kinds = {
        kind: {"rows": f"shards/{kind}/data/*/*.parquet"} for kind, one in manifest["shards"].items() if one["rows_out"]
    }
    return made | {f"rows_{kind}": patterns for kind, patterns in kinds.items()}


def _head(manifest: Mapping[str, Any]) -> str:
    licence = manifest["target"]["licence"]
    head = {
        "pretty_name": _title(manifest, "en"), "language": languages(manifest), "license": licence.lower() if licence else "other",
        "configs": [
            {"config_name": name, "data_files": [{"split": split, "path": path} for split, path in files.items()]}
            for name, files in loadable(manifest).items()
        ],
    }  # fmt: skip
    return f"---\n{yaml.safe_dump(head, allow_unicode=True, sort_keys=False)}---\n"


def languages(manifest: Mapping[str, Any]) -> list[str]:
    """Languages in which answers are to be, ISO 639-1; of pages Japanese."""
    return sorted({lang for _, _, _, lang, _ in manifest["counted"]["functions"] if lang}) or ["ja"]


def _title(manifest: Mapping[str, Any], language: Language) -> str:
    return manifest["title"].get(language) or manifest["name"]


def _card(manifest: Mapping[str, Any], language: Language) -> str:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)
    environment.filters |= {
        "n": _number, "digest": _digest, "reason": lambda name: _meaning(REASONS[name], language),
        "unsayable": lambda name: _meaning(UNSAYABLE[name], language), "said": lambda code, of: said(code, of, language),
        "asked": lambda question, of: asked(question, of, language),
        "refused": lambda name: _meaning(REFUSED[name], language) if name in REFUSED else "",
    }  # fmt: skip
    source = Path(__file__).with_name(f"card.{language}.md").read_text(encoding="utf-8")
    first = next(((name, next(iter(files))) for name, files in loadable(manifest).items()), ("", ""))
    return environment.from_string(source).render(
        m=manifest, title=_title(manifest, language), purpose=PURPOSES[manifest["target"]["purpose"]][language],
        licence=_licence(manifest, language), obligations=_obligations(manifest),
        limits=list(limits(manifest, language)), first=first[0], first_split=first[1],
    )  # fmt: skip


def _licence(manifest: Mapping[str, Any], language: Language) -> str:
    licence = manifest["target"]["licence"]
    if licence:
        return f"Passed on under {licence}." if language == "en" else f"{licence} のもとで提供します。"
    return (
        "No licence is given: it is not for passing on."
        if language == "en"
        else "ライセンスは付けていません（外へ渡すものではありません）。"
    )


def _obligations(manifest: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Kind, value and source of each, once where several ask for the same; the source is the one that says it in the fewest words."""
    found: dict[tuple[str, str], str] = {}
    for one in manifest["licences"]["obligations"]:
        known = found.setdefault((one["kind"], one["value"]), one["source"])
        found[one["kind"], one["value"]] = min(known, one["source"], key=len)
    return [(kind, value, source) for (kind, value), source in sorted(found.items())]


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else "–" if value is None else str(value)


def _digest(value: Any) -> str:
    """The beginning of a content hash, or of each part's."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_digest(one)}" for name, one in value.items())
    return f"{value[:16]}…" if isinstance(value, str) else "not stated"


def _meaning(reason: Reason, language: Language) -> str:
    return reason.meaning if language == "en" else reason.meaning_ja
