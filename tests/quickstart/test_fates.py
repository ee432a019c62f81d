"""The README's first command, and what it must make of every page that comes with the project."""

import csv
import os
import subprocess
import sys
from collections import Counter
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from recipes.engine.run_folder import Run, open_run

ROOT = Path(__file__).resolve().parents[2]
CRAWL = ROOT / "recipes" / "data" / "quickstart"
KEPT = "kept"


def fates() -> list[dict[str, str]]:
    """Lines of fates.tsv."""
    with (CRAWL / "fates.tsv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished quickstart, run as a newcomer runs it."""
    out = tmp_path_factory.mktemp("quickstart")
    command = [sys.executable, "-m", "recipes.engine.cli", "run", "quickstart", "--out", str(out), "--workers", "2"]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env={**os.environ, "COLUMNS": "120"})
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return open_run(str(out))


@pytest.fixture(scope="session")
def fate_of(run: Run) -> dict[tuple[str, str | None], list[str]]:
    """All fates of a page by (file, URL): `kept` and reasons, from the released rows and every block's rejected ones."""
    found: dict[tuple[str, str | None], list[str]] = {}
    for batch in run.release.read(["file", "url"]):
        for row in batch.to_pylist():
            found.setdefault((row["file"], row["url"]), []).append(KEPT)
    for block in run.chain:
        for batch in run.shard_set(block).rejected(["file", "url", "reason"]):
            for row in batch.to_pylist():
                found.setdefault((row["file"], row["url"]), []).append(row["reason"])
    return found


def met(fate: str, expected: str) -> bool:
    """Whether a reason is one of those expected (`a|b.*`)."""
    return any(fnmatchcase(fate, pattern) for pattern in expected.split("|"))


@pytest.mark.parametrize("page", [f for f in fates() if not f["group"]], ids=lambda f: f["note"])
def test_a_page_meets_its_fate(page: dict[str, str], fate_of: dict):
    unread = fate_of.get((page["file"], None), [])  # a record that breaks off cannot be trusted to say its URL
    (fate,) = fate_of.get((page["file"], page["url"]), unread)
    assert met(fate, page["fate"])


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        ("suido", {KEPT: 1, "near_duplicate": 5}),
        ("twice", {KEPT: 1, "duplicate_id": 1}),
    ],
)
def test_of_copies_exactly_one_is_kept(group: str, expected: dict[str, int], fate_of: dict):
    copies = [fate_of[f["file"], f["url"]] for f in fates() if f["group"] == group]
    assert Counter(fate for (fate,) in copies) == expected


def test_of_a_page_and_its_mirror_one_is_kept(fate_of: dict):
    (mirror,) = [f for f in fates() if f["group"] == "cgi"]
    original = ("apache-manual.warc.gz", "https://httpd.apache.org/docs/2.4/ja/howto/cgi.html")
    assert sorted([*fate_of[mirror["file"], mirror["url"]], *fate_of[original]]) == [KEPT, "near_duplicate"]


def test_no_page_in_another_language_is_kept(fate_of: dict):
    manual = {url: fate for (file, url), fate in fate_of.items() if file == "apache-manual.warc.gz"}
    foreign = {url: fate for url, fate in manual.items() if urlsplit(url).path.split("/")[3] != "ja"}
    assert len(foreign) > 50
    assert not [url for url, fate in foreign.items() if KEPT in fate]


def test_japanese_pages_of_the_manual_are_kept_or_break_a_rule(fate_of: dict):
    """A reference manual repeats its terms, and Swallow's bound on repeated 5-grams was set for the web: many fall by it."""
    japanese = [fate for (file, url), fate in fate_of.items() if file == "apache-manual.warc.gz" and "/ja/" in url]
    assert len(japanese) == 93
    expected = f"{KEPT}|near_duplicate|not_japanese_bytes|japanese.*|swallow_v1.*"
    assert not [fate for (fate,) in japanese if not met(fate, expected)]
    assert sum(fate == [KEPT] for fate in japanese) >= 10


def test_every_record_is_kept_or_rejected_once(run: Run, fate_of: dict):
    first = run.manifest(run.chain[0])
    assert sum(len(fate) for fate in fate_of.values()) == first["rows_in"]


def test_kept_text_is_what_the_author_wrote(run: Run):
    rows = {r["url"]: r for b in run.release.read(["url", "text", "encoding"]) for r in b.to_pylist()}
    rice = rows["https://komeya.example.jp/mizukagen.html"]
    assert rice["encoding"] == "cp932"
    assert "髙田" in rice["text"]
    assert "笛が一人、締太鼓が二人" in rows["https://matsuri.example.jp/hayashi.html"]["text"]
    assert "利用カードをお作りします" in rows["https://tosho.example.jp/hajimete.html"]["text"]
    assert "山間の村に古い水車小屋" in rows["https://tosho.example.jp/ohanashi/kitsune.html"]["text"]
    assert "ホームは一本きりで、列車は一日に六本しか止まらない。" in rows["https://machi.example.jp/eki.txt"]["text"]
    assert "気温や湿度を正しく測るために、温度計を" in rows["https://kurashi.example.jp/hyakuyobako.html"]["text"]
    text = rows["https://machi.example.jp/watashibune.html"]["text"]
    assert "\ufffd" not in text[:-1], "a cut in the middle of a character harms that character only"


def test_personal_data_is_masked_and_counted_and_a_number_of_an_order_stays(run: Run):
    masked = [c for c in run.release.columns if c.startswith("masked_")]
    url = "https://tosho.example.jp/oshirase/kai.html"
    (row,) = [r for b in run.release.read(["url", "text", *masked]) for r in b.to_pylist() if r["url"] == url]
    counts = {name.removeprefix("masked_"): n for name, n in row.items() if name in masked and n}
    assert counts == {
        "email": 1, "phone": 2, "postal_code": 1, "address": 1, "my_number": 1, "corporate_number": 1, "bank_account": 1,
        "person_name": 1,
    }  # fmt: skip
    for secret in ("yomikikase@", "0123", "丸の内", "山田", "012345678901"):
        assert secret not in row["text"]
    assert "注文番号100000000013" in row["text"]
    report = (run.place.read_bytes("report.html")).decode()
    assert "個人情報 " in report
    assert "yomikikase@" not in report


def test_a_page_with_an_evaluation_question_is_caught_and_one_with_its_passage_alone_is_told(run: Run):
    told = {r["url"]: r["contamination"] for b in run.release.read(["url", "contamination"]) for r in b.to_pylist()}
    assert {url: held for url, held in told.items() if held} == {
        "https://kurashi.example.jp/hyakuyobako.html": ["kentei:k2 answer 0.88 context 1.00"]
    }
    gone = [r for b in run.release.rejected() for r in b.to_pylist() if r["reason"] == "contaminated"]
    assert [(r["url"], r["detail"]) for r in gone] == [
        ("https://tosho.example.jp/oshirase/kentei.html", "kentei:k1 question 1.00 answer 1.00")
    ]
    report = (run.place.read_bytes("report.html")).decode()
    assert "kentei:k1 question 1.00 answer 1.00" in report
    assert "削り取られた粉" not in report


def test_navigation_that_repeats_over_the_manual_is_gone(run: Run):
    texts = [r["text"] for b in run.release.read(["host", "text"]) for r in b.to_pylist() if "apache" in r["host"]]
    assert sum("Report a bug" in text for text in texts) <= 0.02 * len(texts)


def test_the_release_passes_its_independent_check(run: Run):
    command = [sys.executable, "-m", "recipes.engine.cli", "verify", str(run.place.url)]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env={**os.environ, "COLUMNS": "120"})
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "every check passed" in ended.stdout
