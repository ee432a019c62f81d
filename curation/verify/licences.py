"""Whether every released row stands under a licence that its release's purpose allows, as its own columns say."""

from typing import Any

from curation.verify.findings import Check
from curation.verify.shard_files import Release


def check_licences(release: Release, allow: list[str], *, links: bool) -> Check:
    """Looks at each row's `licence_found`: it is allowed, and is its source's licence, or (with `links`) one that its page links to.

    allow: what the step `licensed` was given.
    """
    check = Check("licences")
    columns = ["id", "licence", "licence_link", "licence_found"]
    for file, batch in release.batches(columns):
        for row in batch.to_pylist():
            check.looked_at += 1
            if problem := _problem(row, set(allow), links=links):
                check.fail(f"{file.path}: row {row['id'].hex()}: {problem}")
    return check


def _problem(row: dict[str, Any], allow: set[str], *, links: bool) -> str:
    found, own = row.get("licence_found"), row.get("licence")
    if found not in allow:
        return f"its licence is {found or 'none'}, which this release does not allow"
    if own is not None and own != found:
        return f"says {found}, and its source's licence is {own}"
    if own is None and not (links and row.get("licence_link")):
        return f"says {found}, and neither its source nor a link of its own does"
    return ""
