"""The public report: what was released and what it stands on, unknown where nobody knows, and never a word of a page."""

import csv
import json
import re
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from curation.shards import ShardSet
from recipes.engine.cli import app
from recipes.engine.errors import RecipeError
from recipes.engine.report.public import write_public
from recipes.engine.report.public.eu_template import eu_template, listed_hosts
from recipes.engine.report.public.facts import Facts, HostSize, _public, gathered
from recipes.engine.report.public.guidelines import guidelines
from recipes.engine.report.public.rights_facts import OptOuts, later, licences, opt_outs
from recipes.engine.run_folder import Run, open_run


@pytest.fixture(scope="module")
def written(made) -> Path:
    """The folder of a run with its public report."""
    page, tables, hosts = write_public(made.folder)
    assert [Path(p).name for p in (page, tables, hosts)] == ["public.html", "public.json", "public-hosts.csv"]
    return Path(page).parent


def fields(written: Path, table: str = "eu_template") -> dict[str, str | None]:
    """English value of each field by its English name."""
    rows = json.loads((written / "public.json").read_text())[table]
    return {row["name"]["en"]: row["value"] and row["value"]["en"] for row in rows}


def texts(run: Run) -> list[str]:
    shards = ShardSet.open(run.url(run.chain[-1]))
    names = [n for n in ("text", "title", "url") if n in shards.columns]
    return [t for b in shards.read(names) for n in names for t in b.column(n).to_pylist() if t]


def test_no_text_title_or_url_of_a_page_is_in_any_of_its_files(made, written):
    everything = "".join(
        (written / n).read_text(encoding="utf-8") for n in ("public.html", "public.json", "public-hosts.csv")
    )
    pieces = {piece for text in texts(open_run(made.folder)) for piece in re.split(r"[\n。]", text) if len(piece) >= 8}
    assert len(pieces) > 20
    assert not [piece for piece in pieces if piece in everything]
    assert str(written) not in everything, "no path of this machine"


def test_counts_are_those_of_the_shards(made, written):
    run = open_run(made.folder)
    batches = list(run.release.read(["host", "chars"]))
    table = pa.Table.from_batches(batches)
    pages, chars = len(table), sum(c or 0 for c in table["chars"].to_pylist())
    html = (written / "public.html").read_text(encoding="utf-8")
    hosts = {h for h in table["host"].to_pylist() if h}
    assert f"<b>{pages:,} ページ</b>、{len(hosts):,} ホストからの学習データ" in html
    assert f"{chars:,}" in html


def test_what_the_run_does_not_know_is_unknown_and_nothing_is_filled_in(written):
    said = fields(written)
    for name in (
        "provider's name and contact",
        "date of placement on the Union market",
        "signatory of the Code of Practice",
        "user data",
    ):
        assert said[name] is None
    html = (written / "public.html").read_text(encoding="utf-8")
    assert "unknown (only the model&#39;s provider knows)" in html
    assert "不明（モデルの提供者だけが知る）" in html


def test_a_run_that_did_not_look_says_so_and_not_that_there_is_nothing(written):
    said = fields(written)
    looked = said["respect of rights reservations"]
    assert looked is not None
    assert looked.startswith("This run did not decide by rights reservations.")
    assert said["personal data"] == "this run did not mask personal data"
    assert said["benchmarks kept out"] == "no benchmark was named"


def test_every_field_is_said_in_both_languages(made):
    facts = gathered(open_run(made.folder), [], [])
    for part in (eu_template(facts), guidelines(facts)):
        for group in part.groups:
            for field in group.fields:
                assert re.search(r"[ぁ-んァ-ヶ一-龠]", field.name.ja), field.name
                assert not re.search(r"[ぁ-んァ-ヶ一-龠]", field.name.en), field.name
                assert re.search(r"[ぁ-んァ-ヶ一-龠0-9A-Za-z]", field.shown.ja)


def some(hosts: int, **changed) -> Facts:
    """Facts of a release with so many hosts, the n-th with n characters."""
    sizes = [HostSize(f"h{n}.example.jp", 1, n) for n in range(hosts, 0, -1)]
    none = {name: None for name in Facts.__dataclass_fields__ if name != "verify"}
    lists = ("languages", "months", "sources", "personal", "benchmarks", "models", "generated", "word_lists")
    empty = {name: [] for name in lists}
    return Facts(**none | {"hosts": sizes, "pages": hosts} | empty | changed)  # type: ignore[arg-type]


@pytest.mark.parametrize(("hosts", "listed"), [(0, 0), (1, 1), (9, 1), (10, 1), (11, 2), (100, 10)])
def test_the_tenth_of_hosts_with_most_content_is_listed(hosts, listed):
    found = listed_hosts(some(hosts))
    assert [h.chars for h in found] == list(range(hosts, hosts - listed, -1))


@pytest.mark.parametrize(
    ("counted", "said"),
    [
        ({"tokens": 999_999_999}, "less than 1 billion tokens (999,999,999 tokens)"),
        ({"tokens": 1_000_000_000}, "1 billion to 10 trillion tokens (1,000,000,000 tokens)"),
        ({"chars": 1_000_000}, "less than 1 billion tokens (estimated from 1,000,000 characters)"),
        # 1.6e9 characters are 0.73 to 1.07 billion tokens
        ({"chars": 1_600_000_000}, "less than 1 billion tokens or 1 billion to 10 trillion tokens (estimated"),
        ({"tokens": 2 * 10**13}, "more than 10 trillion tokens"),
    ],
)
def test_sizes_are_given_in_the_templates_ranges(counted, said):
    from recipes.engine.report.public.eu_template import _size

    size = _size(some(1, **counted))
    assert size is not None
    assert size.en.startswith(said)


def test_licences_stand_beside_their_evidence_and_the_rest_is_unknown():
    from collections import Counter

    by = {
        "licence": Counter({"Apache-2.0": 3, "": 7}),
        "licence_found": Counter(),
        "licence_link": Counter(
            {
                "https://creativecommons.org/licenses/by/4.0/": 2,
                "http://www.creativecommons.org/licenses/by/4.0": 1,
                "mailto:taro@example.jp": 1,
                "": 6,
            }
        ),
    }
    found = licences(by, 10)
    assert found.declared == [("Apache-2.0", 3)]
    assert found.linked == [("creativecommons.org/licenses/by/4.0", 3)]
    assert (found.other_links, found.unknown) == (1, 7), "a link of another kind is counted, never shown"


def test_opt_outs_that_were_decided_and_directives_that_stay(made, monkeypatch):
    from collections import Counter

    run = open_run(made.folder)
    signals = {"x_robots_tag": Counter({"noindex, noai": 2, "": 5}), "robots_meta": Counter({"NOINDEX": 1})}
    assert opt_outs(run, Counter(), signals, Counter()).looked is None
    said = {"opt_outs": {"reject": ["noai", "tdm"], "agents": ["CCBot"], "unknown": "keep"}}
    monkeypatch.setattr(Run, "manifest", lambda self, block: dict(block) | said)
    found = opt_outs(run, Counter({"silent": 4, "unknown": 3}), signals, Counter({"opted_out": 12}))
    assert (found.looked, found.rejected, found.states["unknown"]) == (said["opt_outs"], 12, 3)
    assert found.still == {"noindex": 3, "noai": 2}
    from recipes.engine.report.public.eu_template import reservations

    assert reservations(some(1, opt_outs=found)).en.startswith(
        "12 pages left out (signals: noai, tdm; agents for robots.txt: CCBot)"
    )


def test_a_robots_txt_that_nobody_named_is_not_said_to_have_been_looked_at():
    from collections import Counter

    from recipes.engine.report.public.eu_template import reservations

    asked = {"reject": ["noai", "robots_txt", "listed"], "agents": ["CCBot"], "robots_files": [], "lists": {}}
    said = reservations(some(1, opt_outs=OptOuts(asked, 2, Counter({"unknown": 9}), {})))
    assert said.en == (
        "2 pages left out (signals: noai; robots.txt was not looked at). Kept although it could not be known: 9 pages."
    )
    named = asked | {"robots_files": ["a.warc.gz"], "lists": {"asked": {}}}
    said = reservations(some(1, opt_outs=OptOuts(named, 2, Counter(), {})))
    assert "（見た信号：noai, robots_txt, listed；robots.txt のエージェント：CCBot）" in said.ja


def test_what_was_removed_after_the_release_is_counted_and_not_named(made):
    from collections import Counter

    run = open_run(made.folder)
    path = Path(run.place.path) / "forgotten.json"
    said = {
        "forgotten": [
            {"at": "2026-11-20T01:02:03Z", "through": 1, "sets": {"curated": {"removed": ["0a" * 16, "0b" * 16]}}},
            {
                "at": "2026-11-25T01:02:03Z",
                "through": 2,
                "sets": {"instruct": {"removed": ["0c" * 16], "withdrawn": "made again"}},
            },
        ]
    }
    path.write_text(json.dumps(said))
    try:
        found = later(run, Counter({"forgotten": 5}))
        assert (found.sets, found.withdrawn, found.last, found.kept_out) == (
            {"curated": 2, "instruct": 1},
            ("instruct",),
            "2026-11-25",
            5,
        )
        page = Path(write_public(made.folder)[0]).read_text(encoding="utf-8")
        assert "3 rows (last on 2026-11-25); sets withdrawn: instruct" in page
        assert "0a0a0a0a" not in page
    finally:
        path.unlink()
        write_public(made.folder)


def test_a_url_is_shown_without_what_may_be_a_secret_in_it():
    assert _public("s3://bucket/crawl/*.gz") == "s3://bucket/crawl/*.gz"
    assert _public("https://u:p@a.jp/x?sig=abc") == "https://a.jp/x"


def test_a_host_that_a_spreadsheet_takes_for_a_formula_is_quoted(made):
    from recipes.engine.report.public import _hosts

    lines = list(csv.reader(_hosts(replace(some(0), hosts=[HostSize("=cmd|' /c calc'!a", 1, 5)])).splitlines()))
    assert lines == [["host", "pages", "characters"], ["'=cmd|' /c calc'!a", "1", "5"]]


def test_the_command_refuses_page_text_beside_it(made):
    done = CliRunner().invoke(app, ["report", made.folder, "--public"])
    assert done.exit_code == 0
    assert [Path(line).name for line in done.output.split()] == ["public.html", "public.json", "public-hosts.csv"]
    with pytest.raises(RecipeError, match="--public stands alone: the public report never shows page text"):
        CliRunner().invoke(app, ["report", made.folder, "--public", "--samples"], catch_exceptions=False)
