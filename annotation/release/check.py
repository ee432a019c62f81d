"""A release looked at again from the bytes on disk, by code that did not write it: what `seimai verify RELEASE` prints.

files    every listed file is there with its bytes and hash, and nothing else is
sums     rows out and rejected are what the manifest says, content hashes are those of the rows
splits   a group is in one split, over all kinds; each trainer's row stands in the split of its row, and none is there twice
formats  every canonical row is written for each trainer or counted as left out; a trainer's file has the rows that are said
rights   no row is denied, and the target keeps what all rows together oblige to
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import orjson
import pyarrow as pa

from curation.verify.findings import Check
from curation.verify.folder import Folder
from synth.models import ALLOWED, Ruling, check_release
from synth.obligations import Obligation, PolicyError, Target

MANIFEST = "manifest.json"
_OWN = (MANIFEST, "README.md", "README.ja.md", "croissant.json")


def is_release(manifest: Any) -> bool:
    """Whether a manifest is that of a release."""
    return isinstance(manifest, dict) and {"formats", "shards", "counted", "target"} <= manifest.keys()


def check_released(url: str) -> list[Check]:
    """All checks of a release by its folder."""
    folder = Folder(url)
    manifest = folder.json(MANIFEST)
    files = _files(folder, manifest)
    if not files.passed:
        return [files]
    sums, splits, rights = Check("sums"), Check("splits"), Check("authors and licences")
    groups: dict[bytes, str] = {}
    of: dict[str, dict[str, str]] = {}
    whole = ALLOWED
    for kind, said in manifest["shards"].items():
        of[kind] = {}
        total = 0
        for row in _rows(folder, f"shards/{kind}/data/"):
            name = row["id"].hex()
            total += _digest(row)
            rights.looked_at += 1
            if name in of[kind]:
                sums.fail(f"{kind}: row {name}: is there twice")
            of[kind][name] = row["split"]
            if groups.setdefault(row["split_group"], row["split"]) != row["split"]:
                splits.fail(
                    f"{kind}: row {name}: is in {row['split']}, and others of its group in {groups[row['split_group']]}"
                )
            if row["licence_status"] == "deny" or any(a["status"] == "deny" for a in row["authors"] or ()):
                rights.fail(f"{kind}: row {name}: is denied")
            owed = frozenset(Obligation(**one) for one in orjson.loads(row["obligations"]))
            whole |= Ruling("conditional" if owed else "allow", (), owed)
        _sums(
            sums,
            kind,
            said,
            len(of[kind]),
            total,
            Counter(r["reason"] for r in _rows(folder, f"shards/{kind}/rejected/")),
        )
    splits.looked_at = len(groups)
    _rights(rights, manifest, whole)
    return [files, sums, splits, _formats(folder, manifest, of), rights]


def _files(folder: Folder, manifest: Mapping[str, Any]) -> Check:
    check = Check("files")
    listed = [f for of in manifest["formats"].values() for one in of["splits"].values() for f in one["files"]]
    listed += [f for of in manifest["formats"].values() for f in of["settings"]]
    others = set(_OWN)
    for kind in manifest["shards"]:
        others |= {f"shards/{kind}/{name}" for name in (MANIFEST, "tasks/00000.json")}
        if folder.exists(f"shards/{kind}/tasks/00000.json"):
            task = folder.json(f"shards/{kind}/tasks/00000.json")
            own = (*task["files"], *task["rejected_files"])
            listed += [file | {"path": f"shards/{kind}/{file['path']}"} for file in own]
    for file in listed:
        check.looked_at += 1
        if not folder.exists(file["path"]):
            check.fail(f"{file['path']}: is not there")
        elif (found := folder.sha256(file["path"])) != file["sha256"]:
            check.fail(f"{file['path']}: SHA-256 is {found[:12]}…, its manifest says {file['sha256'][:12]}…")
    paths = {file["path"] for file in listed}
    for missing in sorted(name for name in others if not folder.exists(name)):
        check.fail(f"{missing}: is not there")
    for stray in sorted(set(folder.below()) - paths - others):
        check.fail(f"{stray}: is in the release's folder and in no manifest")
    return check


def _sums(check: Check, kind: str, said: Mapping[str, Any], rows: int, total: int, rejected: Counter[str]) -> None:
    check.looked_at += rows + rejected.total()
    content = f"{total % (1 << 256):064x}"
    for name, wanted, have in (
        ("rows_out", said["rows_out"], rows), ("rejected", dict(said["rejected"]), dict(rejected)),
        ("rows_in", said["rows_in"], rows + rejected.total()), ("content", said["content"], content),
    ):  # fmt: skip
        if wanted != have:
            check.fail(f"{kind}: {name} is {wanted}, the rows say {have}")


def _formats(folder: Folder, manifest: Mapping[str, Any], rows: Mapping[str, Mapping[str, str]]) -> Check:
    """Trainers' rows against the canonical ones, by their ids: a prefix row's is its dialogue's and the turn's place."""
    check = Check("formats")
    for name, of in manifest["formats"].items():
        seen, sources = set[str](), set[str]()
        for split, one in of["splits"].items():
            for file in one["files"]:
                ids = list(_ids(folder, file["path"]))
                check.looked_at += len(ids)
                if len(ids) != file["rows"]:
                    check.fail(f"{file['path']}: holds {len(ids):,} rows, the manifest says {file['rows']:,}")
                for own in ids:
                    source = own.partition("-")[0]
                    if own in seen:
                        check.fail(f"{file['path']}: row {own}: is there twice")
                    if rows[of["kind"]].get(source) != split:
                        check.fail(
                            f"{file['path']}: row {own}: its row is in {rows[of['kind']].get(source, 'no split')}"
                        )
                    seen.add(own)
                    sources.add(source)
        if (written := len(sources) + sum(of["left_out"].values())) != len(rows[of["kind"]]):
            check.fail(f"{name}: {written:,} rows are written or left out, of {len(rows[of['kind']]):,}")
    return check


def _rights(check: Check, manifest: Mapping[str, Any], whole: Ruling) -> None:
    said = {(o["kind"], o["value"], o["source"]) for o in manifest["licences"]["obligations"]}
    if said != (have := {(o.kind, o.value, o.source) for o in whole.obligations}):
        check.fail(
            f"the manifest's obligations are not those of the rows; only one of both has {sorted(said ^ have)[:3]}"
        )
    try:
        check_release([whole], Target(**{**manifest["target"], "notices": tuple(manifest["target"]["notices"])}))
    except PolicyError as error:
        check.fail(str(error))


def _rows(folder: Folder, under: str) -> Iterator[dict[str, Any]]:
    for path in folder.below(under.rstrip("/")):
        for batch in folder.parquet(path).iter_batches(1024):
            yield from batch.to_pylist()


def _ids(folder: Folder, path: str) -> Iterator[str]:
    if path.endswith(".parquet"):
        for batch in folder.parquet(path).iter_batches(1 << 16, columns=["id"]):
            yield from batch.column("id").cast(pa.string()).to_pylist()
        return
    with folder.fs.open(f"{folder.path}/{path}", "rb") as file:
        for line in file:
            yield orjson.loads(line)["id"]


def _digest(row: Mapping[str, Any]) -> int:
    """A row's part of the content hash: SHA-256 over its JSON with sorted keys, keys of rows in hexadecimal."""
    text = orjson.dumps(row, option=orjson.OPT_SORT_KEYS, default=lambda value: value.hex())
    return int.from_bytes(hashlib.sha256(text).digest(), "little")
