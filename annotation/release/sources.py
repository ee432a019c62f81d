"""Sets of a run as canonical rows: a generation (chat), its pairs (preference, answer, prompt), a stage's pages (text).

A source gives its rows with what a release needs to decide about them and does not keep: keys that begin with `_`. `_keys` are what
rows of one group share, `_test` says that a row is kept for evaluation, `_draft` that nobody is known to have read its
wording, `_seen` gives what people would be shown of it. Files are held against the hashes of their manifest before a row is read.
"""

import hashlib
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson

from annotation.errors import ReleaseError
from annotation.items import Unreadable, of_answer, of_pair
from annotation.record import contents
from annotation.release.documents import MANIFEST, Documents, listed, rows_of
from annotation.release.rights import PAGE
from annotation.release.row import KINDS, Row
from curation.provenance import key
from curation.shards import ShardSet
from curation.verify.folder import Folder
from synth.engine.content_key import canonical
from synth.generated.stated import is_generated

SETS = {"preference": "pairs", "answer": "kto", "prompt": "prompts"}
"""Kind of a row → the set of a set of pairs that holds such."""
_CHAT = (
    "id", "function", "task", "domain", "lang", "messages", "tools", "turns", "answer_origin", "spec", "verifications", "seeds",
    "authors", "licence_status", "obligations", "twin", "split", "wording_state", "model", "verdict",
)  # fmt: skip
_TEXT = ("id", "text", "url", "host", "cluster", "repeat", "licence", "rights_basis", *PAGE)


@dataclass(frozen=True)
class Source:
    """One set. name: recipe, version and set. kinds: of rows that it has. manifest: as it stands there."""

    name: str
    url: str
    kinds: tuple[str, ...]
    manifest: Mapping[str, Any]
    documents: Documents

    @property
    def audits(self) -> Mapping[str, bool]:
        """Kinds of constraint → whether their verifier passed its audit when the set was made."""
        return self.manifest.get("verifiers", {})

    def rows(self, kind: str) -> Iterator[Row]:
        """Canonical rows of one kind, in the order of the set's files, or what of a row cannot be read (`_problem`)."""
        if kind == "text":
            shards = ShardSet.open(self.url)
            for batch in shards.read([name for name in _TEXT if name in shards.columns]):
                yield from (_page(row) | {"source": self.name} for row in batch.to_pylist())
            return
        folder = Folder(self.url)
        files = self.manifest["files"] if kind == "chat" else self.manifest["sets"][SETS[kind]]["files"]
        for file in files:
            if kind != "chat" or file["path"].startswith("data/"):
                for row in rows_of(folder, file["path"], _CHAT if kind == "chat" else None):
                    yield self._canonical(kind, row)

    def answers(self, wanted: Container[bytes]) -> Iterator[tuple[Row, Row]]:
        """Dialogues of a generation by their ids, those of surplus candidates too: as they stand in the set, and canonical."""
        folder = Folder(self.url)
        for file in listed(self.manifest, ("data/", "refused/")) if "chat" in self.kinds else ():
            for row in rows_of(folder, file["path"], (*_CHAT, "prompt_key")):
                if row["id"] in wanted and row.get("messages") is not None:
                    yield row, self._canonical("chat", row)

    def _canonical(self, kind: str, row: Row) -> Row:
        made = {"source": self.name, "decision": None, "masked": 0} | {
            name: row[name] for name in ("id", *_SHARED) if name in row
        }
        try:
            made |= _chat(row, self.documents) if kind == "chat" else self._of_pairs(kind, row)
            made["_seen"] = partial(_seen, kind, row)
        except (orjson.JSONDecodeError, KeyError, TypeError, IndexError) as error:
            made |= {"_problem": f"{type(error).__name__}: {error}", "_keys": (row["id"],), "_test": False, "seeds": []}
        return made

    def _of_pairs(self, kind: str, row: Row) -> Row:
        seeds = self.documents.of(row["document"], row["task"])
        found = [v["verifier"] for name in _VERIFIED if name in row for v in row[name] or () if v["hard"]]
        made: Row = {name: row[name] for name in _OWN[kind]} | {
            "messages": row["prompt"], "seeds": seeds, "verified_by": sorted(set(found)), "_test": row["split"] == "test_only",
            "_draft": self.documents.draft(row["template"]), "_unknown_document": row["document"] is not None and not seeds,
        }  # fmt: skip
        if kind == "preference":
            made |= {"origin": row["chosen_origin"], "_rejected_origin": row["rejected_origin"]}
            made |= {"_chosen_id": row["chosen_id"], "_rejected_id": row["rejected_id"]}
        if kind == "answer":
            made["_answer_id"] = row["answer_id"]
        more = [row["twin"]] if row.get("twin") else []
        digest = [] if seeds or row["document"] is None else [key("passage", row["document"])]
        return made | {
            "_keys": (*_keys(orjson.loads(row["prompt"]), row["tools"], seeds, self.documents), *digest, *more)
        }


_SHARED = ("function", "task", "domain", "lang", "tools", "spec", "authors", "licence_status", "obligations")
_OWN = {
    "preference": ("strategy", "chosen", "rejected", "margin", "weight"),
    "answer": ("completion", "label", "weight", "attributes", "origin"),
    "prompt": (),
}
_VERIFIED = ("chosen_verifications", "rejected_verifications", "verifications")


def _seen(kind: str, row: Row) -> set[bytes]:
    """What people would be shown of a row now, as the label shards know it; nothing of a kind that nobody is asked about."""
    if kind not in ("chat", "preference"):
        return set()
    try:
        return contents(of_answer(row) if kind == "chat" else of_pair(row))
    except Unreadable:
        return set()


def _chat(row: Row, documents: Documents) -> Row:
    messages = orjson.loads(row["messages"])
    used = {v["verifier"] for v in row["verifications"] or () if v["hard"]}
    return {
        "messages": row["messages"], "train": [t["index"] for t in row["turns"] or () if t["train"]],
        "origin": row["answer_origin"], "seeds": row["seeds"] or [], "verified_by": sorted(used),
        "_keys": (*_keys(messages, row["tools"], row["seeds"] or (), documents), row["twin"]), "_test": row["split"] == "test_only",
        "_draft": row["wording_state"] == "draft",
    }  # fmt: skip


def _keys(
    messages: Sequence[Mapping[str, Any]], tools: str | None, seeds: Sequence[Mapping[str, Any]], documents: Documents
) -> Iterator[bytes]:
    """What rows of one group share: the beginning of the dialogue up to the first request, each document, and its mirrors."""
    first = next((i for i, message in enumerate(messages) if message["role"] == "user"), None)
    if first is None:
        raise KeyError("a message of a user")
    yield key("prompt", canonical(messages[: first + 1]), tools or "")
    for seed in seeds:
        if seed["kind"] == "document":
            yield key("document", seed["id"])
            if seed["digest"] is not None:
                yield key("passage", seed["digest"])
            if (cluster := documents.cluster(seed["id"])) is not None:
                yield key("cluster", cluster)


def _page(row: Row) -> Row:
    cluster = row.pop("cluster", None)
    keys = (key("document", row["id"].hex()), *([] if cluster is None else [key("cluster", cluster)]))
    made: Row = {"authors": [], "licence_status": "allow", "obligations": "[]", "_keys": keys, "_test": False}
    return dict.fromkeys(("url", "host", "repeat", "licence", "rights_basis")) | row | made


def open_source(url: str, name: str, documents: Documents) -> Source:
    """Opens a set by its folder and holds its files against its manifest. Raises ReleaseError."""
    folder = Folder(url)
    if not folder.exists(MANIFEST):
        raise ReleaseError(
            f"{url}: no {MANIFEST}, so this is no finished set; give a run's folder, or that of a set of it"
        )
    manifest = folder.json(MANIFEST)
    if is_generated(manifest):
        kinds, files = ("chat",), list(listed(manifest, ("data/", "refused/")))
    elif isinstance(manifest, dict) and "sets" in manifest:
        kinds = tuple(kind for kind in KINDS if SETS.get(kind) in manifest["sets"])
        files = list(manifest["files"])
    elif isinstance(manifest, dict) and {"partitions", "columns", "rows_out"} <= manifest.keys():
        if "text" not in manifest["columns"]:
            raise ReleaseError(
                f"{url}: a set of pages without the column 'text'; it has {', '.join(manifest['columns'])}"
            )
        kinds, files = ("text",), [f for task in ShardSet.open(url).tasks() for f in task["files"]]
    else:
        raise ReleaseError(
            f"{url}/{MANIFEST}: is that of no set of rows: neither generated, nor pairs, nor a stage's pages"
        )
    for file in files:
        _check(folder, file)
    if kinds == ("chat",):
        documents.add(url)
    return Source(name, url, kinds, manifest, documents)


def _check(folder: Folder, file: Mapping[str, Any]) -> None:
    place = f"{folder.url}/{file['path']}"
    if not folder.exists(file["path"]):
        raise ReleaseError(
            f"{place}: is not there, and the set's {MANIFEST} lists it; put it back or make the set again"
        )
    if (found := folder.sha256(file["path"])) != file["sha256"]:
        raise ReleaseError(
            f"{place}: SHA-256 is {found[:12]}…, the set's {MANIFEST} says {file['sha256'][:12]}…; make the set again"
        )


def said_of(sources: Sequence[Source]) -> str:
    """Hash of what the sources hold, by name: another content is another release."""
    return hashlib.sha256(canonical([[s.name, s.manifest.get("fingerprint"), content(s)] for s in sources])).hexdigest()


def content(source: Source) -> Any:
    """The content hash that a set states, or those of its parts."""
    sets = source.manifest.get("sets")
    return (
        source.manifest.get("content") if sets is None else {name: one["content"] for name, one in sorted(sets.items())}
    )
