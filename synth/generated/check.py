"""All checks of a generated set, in the order in which `seimai verify` prints them."""

from collections.abc import Iterable, Mapping
from typing import Any

from curation.verify.findings import Check
from synth.generated.counts import check_files, check_novelty, check_quotas, check_sums
from synth.generated.origins import check_completions, check_imports, check_rights, check_seeds
from synth.generated.rows import SAMPLE, check_rows, check_verdicts
from synth.generated.stated import GeneratedSet


def check_generated(
    url: str,
    *,
    store: str | None = None,
    pages: Iterable[Mapping[str, Any]] | None = None,
    sample: int = SAMPLE,
    seed: int | None = None,
) -> list[Check]:
    """Checks a set by its folder.

    store: folder of the answers; None looks into `completions` beside the set's version. pages: rows of the stage that passages
    are from. sample: rows whose answers are verified anew; seed: draws them. Raises FileNotFoundError, ValueError for no such set.
    """
    found = GeneratedSet.open(url)
    files = check_files(found)
    store = store or f"{found.folder.path.rsplit('/', 2)[0]}/completions"
    return [
        files, check_sums(found), check_rows(found), check_quotas(found), check_novelty(found), check_verdicts(found, sample, seed),
        check_rights(found), check_imports(found), check_completions(found, store), check_seeds(found, pages),
    ]  # fmt: skip
