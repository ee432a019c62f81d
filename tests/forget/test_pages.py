"""Pages that are forgotten go from stages, releases, mixtures and reports, stay counted, and do not come back."""

import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from curation.mixture.charges import charges_of
from curation.mixture.ledger import Ledger
from curation.shards import ShardSet
from recipes.engine.cli import app
from recipes.engine.errors import RecipeError
from recipes.engine.explain.command import explain
from recipes.engine.index.command import add
from recipes.engine.mixture.budget_file import open_shards
from recipes.engine.release.command import release
from recipes.engine.report import write_report
from tests.forget.conftest import Lab, json_of, sentence

VICTIM = "https://a.example.jp/victim"
COPY = "https://b.example.jp/copy"


def crawl(lab: Lab, name: str = "crawl") -> None:
    """Twelve pages, a near-copy of one of which stands elsewhere."""
    pages = {f"https://c{i}.example.jp/": sentence(i) for i in range(10)}
    lab.pages(pages | {VICTIM: sentence(99), COPY: sentence(99)[:-3], "https://a.example.jp/other": sentence(98)}, name)


def counted(lab: Lab) -> None:
    """Rows in = rows out + rows rejected in every set, as its files have them."""
    for path in lab.out.glob("**/manifest.json"):
        manifest = json_of(path)
        if "columns" in manifest:
            assert manifest["rows_in"] == manifest["rows_out"] + sum(manifest["rejected"].values()), path
            kept = sum(pq.read_metadata(p).num_rows for p in path.parent.glob("data/**/*.parquet"))
            gone = sum(pq.read_metadata(p).num_rows for p in path.parent.glob("rejected/*.parquet"))
            assert (kept, gone) == (manifest["rows_out"], sum(manifest["rejected"].values())), path


def test_a_page_goes_from_everything_stays_counted_and_verify_passes(lab: Lab, capsys: pytest.CaptureFixture[str]):
    crawl(lab)
    lab.run()
    write_report(str(lab.out / "1"))
    assert VICTIM in lab.released()
    assert lab.holding(VICTIM)
    lab.forget(urls=["http://www.a.example.jp/victim#top"])
    said = capsys.readouterr().out
    assert "release 1 of" in said
    assert "curated has 1 pages" in said
    assert lab.holding(VICTIM) == []
    assert lab.holding(sentence(99)) == []
    assert lab.holding("a.example.jp/victim", lab.folder / "runs") == []
    assert "https://a.example.jp/other" in lab.released()
    counted(lab)
    assert lab.verified(), capsys.readouterr().out
    diff = json_of(lab.out / "1" / "forgotten.json")["forgotten"][0]["sets"]["curated"]
    assert len(diff["removed"]) == 1
    assert (
        diff["content_before"] != diff["content_after"] == ShardSet.open(str(lab.out / "1/curated")).manifest["content"]
    )
    assert json_of(lab.out / "1" / "run.json")["blocks"][-1]["rejected"]["forgotten"] == 1


def test_the_same_crawl_does_not_bring_it_back_nor_does_a_newer_version(lab: Lab, capsys: pytest.CaptureFixture[str]):
    crawl(lab)
    lab.run()
    before = lab.released()
    lab.forget(urls=[VICTIM])
    lab.run()  # the same command: nothing is made again
    assert lab.released() == before - {VICTIM}
    lab.version = "2"  # the next release, from the stages as they are now
    lab.run()
    assert lab.released() == before - {VICTIM}
    assert lab.verified(), capsys.readouterr().out
    crawl(lab, "again")  # the same pages under another name: other ids
    fresh = lab.folder / "runs" / "fresh"
    lab.run(fresh, "again")
    assert VICTIM not in lab.released(out=fresh)
    assert COPY in lab.released(out=fresh)
    assert json_of(next((fresh / "stages").glob("measured-*/manifest.json")))["rejected"] == {"forgotten": 1}
    assert lab.holding(VICTIM, fresh) == []


def test_a_page_that_another_was_rejected_for_may_go_and_its_copies_stay_rejected(lab: Lab, capsys):
    lab.steps[1] = {"cap": {"k": 1, "mode": "one"}}
    crawl(lab)
    lab.run()
    kept = {VICTIM, COPY} & lab.released()
    assert len(kept) == 1
    lab.forget(urls=list(kept))
    assert not {VICTIM, COPY} & lab.released()
    counted(lab)
    assert lab.verified(), capsys.readouterr().out
    lab.version = "2"
    lab.run()
    assert lab.verified(), capsys.readouterr().out


def test_a_rejected_page_is_blanked_too(lab: Lab, capsys):
    lab.steps.insert(1, {"threshold": {"rules": [{"name": "long", "column": "chars", "keep": ">= 198"}]}})
    crawl(lab)
    lab.run()
    assert lab.holding(COPY)
    lab.forget(hosts=["b.example.jp"])
    assert lab.holding(COPY) == []
    assert lab.holding(sentence(99)[:-3] + "'") == []
    counted(lab)
    assert lab.verified(), capsys.readouterr().out


@pytest.mark.parametrize("by_a_run", [False, True])
def test_reports_of_every_version_lose_a_page_that_an_early_stage_rejected(lab: Lab, by_a_run: bool):
    crawl(lab)
    early = {"threshold": {"rules": [{"name": "long", "column": "chars", "keep": ">= 198"}]}}
    lab.measured = ["text_stats", early]
    lab.run()
    lab.version = "2"
    lab.run()
    for version in "12":
        write_report(str(lab.out / version), samples=True)
        assert COPY in (lab.out / version / "report.html").read_text()
    lab.forget(urls=[COPY], outs=[] if by_a_run else [lab.out])
    if by_a_run:  # tombstones of the house, found by the next run
        lab.run()
    for version in "12":
        assert COPY not in (lab.out / version / "report.html").read_text(), version
    (lab.out / "1" / "curated" / "manifest.json").unlink()
    lab.forget(urls=[VICTIM])
    assert not (lab.out / "1" / "report.html").exists()  # nobody knows what it holds


def test_debits_stay_and_the_text_is_shown_nowhere_again_where_a_ledger_is_named(lab: Lab, tmp_path: Path, capsys):
    crawl(lab)
    run = lab.run()
    ledger = Ledger.open(str(tmp_path / "ledger"), 4, create=True)
    released = ShardSet.open(str(lab.out / "1" / "curated"))
    ledger.add("training", "one", charges_of(released, 1))
    debits = ledger.entries()
    lab.forget(urls=[VICTIM], ledger=tmp_path / "ledger")
    assert Ledger.open(str(tmp_path / "ledger")).entries() == debits
    assert "1 texts more that are never shown again" in capsys.readouterr().out
    assert run["release"] == "curated"


def test_a_host_goes_with_all_under_it_and_a_dry_run_changes_nothing(lab: Lab, capsys: pytest.CaptureFixture[str]):
    crawl(lab)
    lab.run()
    before = lab.released()
    lab.forget(hosts=["example.jp"], dry_run=True)
    assert "nothing was changed" in capsys.readouterr().out
    assert lab.released() == before
    assert lab.holding(VICTIM)
    assert len(lab.tombstones()) == 0
    lab.forget(hosts=["a.example.jp"])
    assert lab.released() & {VICTIM, "https://a.example.jp/other"} == set()
    assert lab.verified(), capsys.readouterr().out


def test_an_index_may_take_a_run_of_which_a_page_was_forgotten_and_knows_its_form(lab: Lab, tmp_path: Path, capsys):
    crawl(lab)
    lab.run()
    lab.forget(urls=[VICTIM])
    assert "generation 0 with" in add(str(tmp_path / "index"), str(lab.out / "1"))
    assert lab.holding("victim", tmp_path / "index") == []
    lab.steps[0]["dedup"]["index"] = str(tmp_path / "index")
    lab.pages({"https://d.example.jp/": sentence(99), "https://e.example.jp/": sentence(500)}, "second")
    lab.run(lab.folder / "runs" / "second", "second")
    shards = ShardSet.open(str(lab.folder / "runs" / "second" / "1" / "curated"))
    matched = {r["url"]: r["matched"] is not None for b in shards.read(["url", "matched"]) for r in b.to_pylist()}
    assert matched == {"https://d.example.jp/": True, "https://e.example.jp/": False}


def test_a_recipe_may_name_one_folder_of_tombstones_for_a_whole_house(lab: Lab, capsys: pytest.CaptureFixture[str]):
    lab.more = {"forgotten": "house/tombstones"}
    crawl(lab)
    lab.run()
    lab.forget(urls=[VICTIM])
    assert (lab.folder / "house" / "tombstones" / "00000001.json").exists()
    assert len(lab.tombstones()) == 0
    other = lab.folder / "elsewhere" / "run"
    lab.run(other)
    assert VICTIM not in lab.released(out=other)
    assert lab.verified(), capsys.readouterr().out


def test_a_release_elsewhere_that_holds_it_is_named(lab: Lab, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    crawl(lab)
    lab.run()
    shutil.copytree(lab.out / "1" / "curated", tmp_path / "sent")
    lab.forget(urls=[VICTIM], outs=[lab.out, tmp_path / "sent"])
    assert f"{tmp_path / 'sent'}: this release holds it; make it anew" in capsys.readouterr().out


def test_what_nobody_has_is_said_and_its_tombstone_stands(lab: Lab, capsys: pytest.CaptureFixture[str]):
    crawl(lab)
    lab.run()
    before = lab.released()
    lab.forget(ids=["0" * 32], urls=["https://nobody.example.jp/x"])
    said = capsys.readouterr().out
    assert f"{'0' * 32}: {lab.out} has no such row; the tombstone stands all the same" in said
    assert "holds no page of these hosts and URLs" in said
    assert lab.released() == before
    assert lab.tombstones().holds("row", bytes(16))
    lab.pages({"https://nobody.example.jp/x": sentence(5)}, "late")
    lab.run(lab.folder / "runs" / "late", "late")
    assert lab.released(out=lab.folder / "runs" / "late") == set()


def test_verify_names_what_was_not_cleared(lab: Lab, capsys: pytest.CaptureFixture[str]):
    crawl(lab)
    lab.run()
    lab.forget(urls=[VICTIM], outs=[])
    assert not lab.verified()
    assert "was cleared by 0 of 1 files of tombstones" in capsys.readouterr().out
    for command in (
        lambda: release([str(lab.out)], str(lab.folder / "sent"), ["text"], None, "data@example.jp", None),
        lambda: release(
            [str(lab.out / "1" / "curated")], str(lab.folder / "sent"), ["text"], None, "data@example.jp", None
        ),
        lambda: add(str(lab.folder / "index"), str(lab.out / "1")),
        lambda: explain(str(lab.out), VICTIM),
        lambda: open_shards(str(lab.out / "1"), lab.folder),
    ):
        with pytest.raises(RecipeError, match=r"1 file of tombstones .* came since it was cleared"):
            command()
    assert CliRunner().invoke(app, ["report", str(lab.out)]).exit_code != 0
    lab.forget(outs=[lab.out])  # no key: only what is there already
    assert lab.verified(), capsys.readouterr().out
    assert VICTIM not in lab.released()
    with pytest.raises(RecipeError, match="it was to be forgotten, a tombstone stands for it"):
        explain(str(lab.out), VICTIM)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"urls": ["example.jp"]}, "is no URL with a host"),
        ({"hosts": ["https://example.jp/"]}, "is a host's name"),
        ({"hosts": ["Co.jp."]}, "is no site but what very many end in"),
        ({"ids": ["12"]}, "32 hexadecimal digits"),
        ({"annotators": ["Sato"]}, "is no pseudonym"),
        ({"urls": ["https://a.jp/"], "outs": ["nowhere"]}, "neither a run's folder"),
    ],
)
def test_what_cannot_be_forgotten_is_said_before_anything_changes(lab: Lab, asked: dict, said: str):
    crawl(lab)
    lab.run()
    with pytest.raises(RecipeError, match=said):
        lab.forget(**asked)
    assert len(lab.tombstones()) == 0
