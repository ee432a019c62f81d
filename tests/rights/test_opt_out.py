"""The step `opt_out`: every signal by itself, contradictions, and what nobody could look at."""

import pickle
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml

from curation.document import COLUMNS
from curation.filters.licensed import Licensed
from curation.filters.opt_out import OptOut

ALL = ["noai", "tdm", "robots_txt", "content_signal", "listed"]
OWN = ["noai", "tdm", "listed"]
PAGE: dict[str, Any] = {
    "url": "https://a.example.jp/x.html", "host": "a.example.jp", "date": datetime(2026, 10, 1, tzinfo=UTC),
    "record_type": "response", "x_robots_tag": None, "tdm_header": None, "robots_meta": None, "tdm_meta": None,
    "licence_link": None, "rights_basis": "著作権法30条の4", "licence": None,
}  # fmt: skip


def batch(*pages: dict[str, Any]) -> pa.RecordBatch:
    rows = [PAGE | page for page in pages]
    return pa.RecordBatch.from_pydict(
        {name: pa.array([row[name] for row in rows], COLUMNS[name].type) for name in PAGE}
    )


def decided(page: dict[str, Any], **given: Any) -> tuple[str, str | None, list[str]]:
    step = OptOut(**({"reject": ALL if "robots" in given else OWN, "unknown": "keep"} | given))  # type: ignore[arg-type]
    step.placed(Path())
    step.setup()
    made = step.columns(batch(page))
    return tuple(made[n].to_pylist()[0] for n in ("opt_out", "reason", "rights_evidence"))  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("page", "state"),
    [
        ({}, "silent"),
        ({"x_robots_tag": "noindex, nofollow"}, "silent"),
        ({"x_robots_tag": "GPTBot: noai"}, "reserved"),
        ({"robots_meta": "index, NOAI, noimageai"}, "reserved"),
        ({"robots_meta": "noimageai"}, "silent"),  # of pictures, which this recipe's text is not
        ({"tdm_header": "1"}, "reserved"),
        ({"tdm_meta": "0"}, "silent"),
        ({"tdm_header": "0", "tdm_meta": "1"}, "reserved"),  # the stricter holds
        ({"tdm_header": "yes"}, "unknown"),
        ({"record_type": "conversion"}, "unknown"),
        ({"record_type": "row"}, "unknown"),
        ({"record_type": "row", "x_robots_tag": "noai"}, "reserved"),
    ],
)
def test_a_pages_own_signals(page: dict[str, Any], state: str):
    found, reason, _ = decided(page)
    assert (found, reason) == (state, "opted_out" if state == "reserved" else None)


def test_unknown_stays_or_goes_as_the_recipe_says_and_never_becomes_silence():
    assert decided({"record_type": "conversion"})[:2] == ("unknown", None)
    assert decided({"record_type": "conversion"}, unknown="reject")[:2] == ("unknown", "opted_out")


def robots(folder: Path) -> list[str]:
    said = {"2026-09-01.txt": "User-agent: *\nAllow: /\n", "2026-11-01.txt": "User-agent: GPTBot\nDisallow: /\n"}
    (folder / "a.example.jp").mkdir(parents=True)
    for name, text in said.items():
        (folder / "a.example.jp" / name).write_text(text)
    return [str(folder)]


def test_robots_txt_holds_as_of_the_day_of_capture_and_the_latest_one_as_a_filter_over_what_was_curated(tmp_path: Path):
    given: dict[str, Any] = {"robots": robots(tmp_path / "robots"), "agents": ["GPTBot", "CCBot"]}
    state, reason, seen = decided({}, **given)
    assert (state, reason) == ("silent", None)
    assert "robots.txt 2026-09-01: GPTBot, CCBot may fetch it" in seen
    state, reason, seen = decided({}, **given, when="latest")
    assert (state, reason) == ("reserved", "opted_out")
    assert "robots.txt 2026-11-01: GPTBot may not fetch it" in seen
    assert decided({}, **given | {"agents": ["CCBot"]}, when="latest")[0] == "silent"


def test_a_host_whose_robots_txt_nobody_has_is_unknown(tmp_path: Path):
    page = {"url": "https://b.example.jp/", "host": "b.example.jp"}
    state, _, seen = decided(page, robots=robots(tmp_path / "robots"), agents=["GPTBot"])
    assert state == "unknown"
    assert "robots.txt: of b.example.jp none is known" in seen
    assert decided(page)[0] == "silent"  # and where robots.txt is none of what rejects, nobody asked


@pytest.mark.parametrize("kind", ["robots_txt", "content_signal"])
def test_robots_txt_that_nobody_named_is_unknown_and_no_silence(tmp_path: Path, kind: str):
    state, reason, seen = decided({}, reject=["noai", kind])
    assert (state, reason) == ("unknown", None)
    assert seen[-2:] == [
        "robots.txt: not looked at, no files of it are named",
        "in by 著作権法30条の4; unknown",
    ]
    assert decided({}, reject=["noai", kind], unknown="reject")[1] == "opted_out"
    assert "stays as `unknown`" in OptOut(["noai", kind], "keep").plan_note()
    assert decided({"robots_meta": "noai"}, reject=["noai", kind])[0] == "reserved"
    other = {"host": "b.example.jp", "url": "https://b.example.jp/"}
    assert decided(other, reject=[kind], robots=robots(tmp_path / "robots"), agents=["GPTBot"])[0] == "unknown"


def test_contradictory_signals_are_both_kept(tmp_path: Path):
    page = {"tdm_header": "0", "robots_meta": "noai", "licence_link": "https://creativecommons.org/licenses/by/4.0/"}
    state, _, seen = decided(page, robots=robots(tmp_path / "robots"), agents=["GPTBot"])
    assert state == "reserved"
    assert seen == [
        "meta robots 2026-10-01: noai",
        "header 2026-10-01: tdm-reservation 0",
        "robots.txt 2026-09-01: GPTBot may fetch it",
        "licence link: https://creativecommons.org/licenses/by/4.0/ (CC-BY-4.0)",
        "in by 著作権法30条の4; reserved",
    ]


def test_lists_of_hosts_are_opt_outs_too_and_a_step_travels_to_a_worker(tmp_path: Path):
    (tmp_path / "entries").write_text("example.jp\n")
    source = {"title": "letters", "version": "1", "licence": "CC0-1.0"}
    said = {"name": "asked", "holds": "urls", "category": "opt-out", "source": source, "file": "entries"}
    (tmp_path / "asked.yaml").write_text(yaml.safe_dump(said))
    step = OptOut(OWN, "keep", lists=["asked.yaml"])
    step.placed(tmp_path)
    assert step.artefacts()
    step = pickle.loads(pickle.dumps(step))
    step.setup()
    made = step.columns(batch({}, {"url": "https://other.jp/", "host": "other.jp"}))
    assert made["reason"].to_pylist() == ["opted_out", None]
    assert made["detail"].to_pylist()[0] == "listed: opt-out (asked): example.jp"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"reject": ["noia"], "unknown": "keep"}, "there is no signal 'noia'"),
        ({"reject": ALL, "unknown": "maybe"}, "unknown is keep or reject"),
        ({"reject": ALL, "unknown": "keep", "robots": ["x"]}, "name them"),
    ],
)
def test_what_a_recipe_cannot_say(given: dict[str, Any], said: str):
    with pytest.raises(ValueError, match=said):
        OptOut(**given)


def test_only_listed_licences_leave_the_house_and_a_link_counts_where_the_recipe_says_so():
    link = "https://creativecommons.org/licenses/by/4.0/deed.ja"
    pages = [
        {"licence": "CC0-1.0"},
        {"licence": "CC-BY-NC-4.0"},
        {},
        {"licence_link": link},
        {"licence_link": "/terms"},
    ]
    for links, wanted in (
        (False, ["CC0-1.0", None, None, None, None]),
        (True, ["CC0-1.0", None, None, "CC-BY-4.0", None]),
    ):
        made = Licensed(["CC0-1.0", "CC-BY-4.0"], links).columns(batch(*pages))
        kept = [
            found if reason is None else None
            for found, reason in zip(made["licence_found"].to_pylist(), made["reason"].to_pylist(), strict=True)
        ]
        assert kept == wanted
    assert made["detail"].to_pylist()[1:3] == ["CC-BY-NC-4.0 is not listed", "no licence is known"]
