"""Instruction sets from outside: where they come from is declared, and rows that name a forbidden author are rejected.

An imported set has an `origin` that the policy lists under `data`; without one it is denied. What other models wrote is often found
in sets that do not say so: rows in which the assistant calls itself a model of a provider whose terms forbid training
(「私はOpenAIによって訓練された言語モデルです」, "As an AI developed by …") are rejected with the words that say it.
A text *about* such a provider is no such row: the speaker must speak of itself.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synth.models import Policy, Ruling
from synth.obligations import PolicyError

_SENTENCE = re.compile(r"[^。．！？!?\n]+[。．！？!?]?")
_ASCII_NAME = re.compile(r"^[\x00-\x7f]+$")
_MADE = r"(?:社|株式会社)?\s*(?:によって|により|に|が|の手で|の)\s*(?:開発|訓練|トレーニング|学習|作成|作ら|構築|設計|提供|生み出)"
_BY = r"(?:train|develop|creat|made|built|design|power|provid)\w*\s+(?:\w+\s+){0,2}?by\s+"
_SELF_JA = (
    r"(?:私|わたし|わたくし|僕|ぼく|俺|当方|自分)(?:は|も|自身は|の名前は|について)"
    r"|(?:として|ですので|なので|であるため)[、,]?"
)
_SELF_EN = r"\b(?:I(?:'m| am| was|,)|my name is|as an? (?:AI|artificial|large|language|assistant)|call me)\b"
_AI_JA = r"(?:言語)?モデル|AI|ＡＩ|人工知能|アシスタント|チャットボット"


@dataclass(frozen=True)
class ForbiddenAuthors:
    """Finds rows that name a provider as their author, whose terms forbid training on its models' output."""

    patterns: tuple[tuple[str, re.Pattern[str]], ...]

    @classmethod
    def of(cls, policy: Policy) -> "ForbiddenAuthors":
        """Patterns for all providers that the policy names."""
        found = []
        for provider in policy.providers:
            if not provider["calls_itself"]:
                continue
            names = "|".join(_bounded(name) for name in provider["calls_itself"])
            found.append((provider["name"], re.compile(_said_of_itself(f"(?:{names})"), re.I)))
        return cls(tuple(found))

    def find(self, text: str) -> tuple[str, str] | None:
        """Provider and the sentence that names it as the speaker, or None."""
        for sentence in _SENTENCE.findall(text):
            for provider, pattern in self.patterns:
                if pattern.search(sentence):
                    return provider, sentence.strip()
        return None


@dataclass(frozen=True)
class ImportedRow:
    """A row of an imported set: its number from 0, its messages, and why it is rejected (reason and detail), if it is."""

    number: int
    messages: list[dict[str, Any]]
    reason: str | None = None
    detail: str | None = None


def check_origin(origin: str | None, where: str, policy: Policy) -> Ruling:
    """What the policy says of a set's declared origin. Raises PolicyError where there is none, or it is denied."""
    if not origin:
        raise PolicyError(
            f"{where}: declares no `origin`; name the data set as {policy.where} lists it, or add an entry for it"
        )
    ruling = policy.of_data(origin)
    if ruling.status == "deny":
        raise PolicyError(f"{where}: {ruling.reasons[0]}")
    return ruling


def read_set(path: str | Path, origin: str | None, policy: Policy) -> Iterator[ImportedRow]:
    """Rows of an instruction set (Parquet or JSON lines), each kept or rejected.

    Read are `messages` (or `conversations` with from/value, or instruction/input/output). Raises PolicyError for an origin that is
    not declared or denied, and for a file of another kind. A line that is no row of a known form is `malformed_answer`.
    """
    check_origin(origin, str(path), policy)
    authors = ForbiddenAuthors.of(policy)
    for number, row in enumerate(_rows(Path(path))):
        messages = None if row is None else _messages(row)
        if messages is None:
            yield ImportedRow(number, [], "malformed_answer", "no messages, conversations, or instruction with output")
            continue
        said = (authors.find(str(m["content"] or "")) for m in messages if m["role"] == "assistant")
        hit = next((h for h in said if h is not None), None)
        yield ImportedRow(number, messages, *(("forbidden_author", f"{hit[0]}: {hit[1][:200]}") if hit else ()))


def _rows(path: Path) -> Iterator[Mapping[str, Any] | None]:
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        for batch in pq.ParquetFile(path).iter_batches(1024):
            yield from batch.to_pylist()
    elif path.suffix in (".jsonl", ".json", ".ndjson"):
        with path.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                try:
                    row = json.loads(line)
                except json.JSONDecodeError:
                    row = None
                yield row if isinstance(row, dict) else None
    else:
        raise PolicyError(f"{path}: an instruction set is a .parquet or .jsonl file")


def _messages(row: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    said = row.get("messages")
    if isinstance(said, str):
        try:
            said = json.loads(said)
        except json.JSONDecodeError:
            return None
    if isinstance(said, list) and said and all(isinstance(m, dict) and "role" in m and "content" in m for m in said):
        return [dict(m) for m in said]
    turns = row.get("conversations")
    if isinstance(turns, list) and turns and all(isinstance(t, dict) and {"from", "value"} <= t.keys() for t in turns):
        roles = {"human": "user", "gpt": "assistant"}
        return [{"role": roles.get(t["from"], t["from"]), "content": t["value"]} for t in turns]
    if isinstance(row.get("instruction"), str) and isinstance(row.get("output"), str):
        asked = "\n\n".join(filter(None, (row["instruction"], row.get("input"))))
        return [{"role": "user", "content": asked}, {"role": "assistant", "content": row["output"]}]
    return None


def _bounded(name: str) -> str:
    """A name's pattern, with word boundaries where it is Latin, so that 'Bard' is not found in 'bombarded'."""
    return rf"(?<![A-Za-z]){name}(?![a-z])" if _ASCII_NAME.match(name) else name


def _said_of_itself(name: str) -> str:
    """The ways in which a speaker names its maker or itself.

    1. first person, then the name as maker or as what it is: 私はOpenAIが開発した…, 私の名前はChatGPTです
    2. the maker with no other subject, ending in what it is: OpenAIによって訓練された言語モデルです, …モデルとして
    3. "As an AI developed by X", "I am X", "I was trained by X"
    """
    first = rf"(?:{_SELF_JA})[^。]{{0,40}}?{name}(?:{_MADE}|[^はがを。]{{0,12}}(?:です|だ|と申し|と言い|といい|である))"
    polite = r"(?:はい[、,]|いいえ[、,]|申し訳[^。]{0,20}[、,])?"
    second = rf"^[\s「『（(]*{polite}\s*{name}{_MADE}[^。は]{{0,20}}(?:{_AI_JA})(?:です|として|であ|なの|のため)"
    third = rf"{_SELF_EN}[^.。]{{0,60}}?(?:{_BY})?{name}"
    return f"{first}|{second}|{third}"
