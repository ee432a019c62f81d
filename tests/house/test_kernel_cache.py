"""A compiled kernel is as new as everything it was compiled with."""

from pathlib import Path

import pytest

from curation import source_hash
from curation.extract import markup_kernel
from curation.source_hash import imports, of_module


def test_a_kernel_is_kept_with_the_stamp_of_all_that_it_can_reach() -> None:
    locator = markup_kernel.prepare._cache._impl.locator
    assert type(locator).__module__ == "curation.kernel_cache"
    assert locator.get_source_stamp() == of_module("curation.extract.markup_kernel").encode()


def test_an_edit_two_imports_away_makes_another_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_hash, "ROOT", tmp_path)
    package = tmp_path / "curation" / "extract"
    package.mkdir(parents=True)
    (package / "kernel.py").write_text("from curation.extract import (\n    tags as T,\n    other,\n)\n")
    (package / "tags.py").write_text("def names():\n    from curation.extract.table import NAMES\n    return NAMES\n")
    found = []
    for name in ("nav", "nav menu", "nav"):
        (package / "table.py").write_text(f"NAMES = {name!r}\n")
        imports.cache_clear()
        of_module.cache_clear()
        found.append(of_module("curation.extract.kernel"))
    imports.cache_clear()
    of_module.cache_clear()
    assert found[0] == found[2] != found[1]
