"""A line of wordings marked in its place: everything around it stays, byte for byte."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.tasks.domain_file import domains
from synth.wording_edit import Reviewed, edited
from synth.wordings import FOLDER, WordingError, wordings_of

PATH = Path("sample.yaml")
SOURCE = """\
# 見出しの注釈
version: 2026.11.26
lines:
  - {id: ask.1, state: draft, split: train, text: "{n}字で。"}   # 行末の注釈
  - { text: 'そのまま。', id: ask.2, split: test, state: draft }

  - id: answer.1   # 型の違う行
    text: >-
      二行に
      書いた文。
    state: draft
    split: train
  - {id: answer.2, state: reviewed, reviewer: "r-1, 2026-11-01", split: train, text: はい。}
"""


def test_a_line_in_braces_is_marked_after_its_state():
    right = SOURCE.replace(
        '{id: ask.1, state: draft, split: train, text: "{n}字で。"}',
        '{id: ask.1, state: reviewed, reviewer: "r-2, 2026-11-26", split: train, text: "{n}字で。"}',
    )
    assert edited(SOURCE, PATH, {"ask.1": Reviewed("r-2, 2026-11-26")}) == right


def test_keys_may_stand_in_any_order_and_text_changes_in_its_place():
    right = SOURCE.replace("text: 'そのまま。'", 'text: "一行目。\\n「二行目」。"').replace(
        "split: test, state: draft", 'split: test, state: reviewed, reviewer: "r-2, 2026-11-26"'
    )
    assert edited(SOURCE, PATH, {"ask.2": Reviewed("r-2, 2026-11-26", "一行目。\n「二行目」。")}) == right


def test_a_line_over_several_lines_of_the_file_keeps_its_form():
    right = SOURCE.replace(
        "書いた文。\n    state: draft", '書いた文。\n    state: reviewed\n    reviewer: "r-2, 2026-11-26"'
    )
    assert edited(SOURCE, PATH, {"answer.1": Reviewed("r-2, 2026-11-26")}) == right
    changed = edited(SOURCE, PATH, {"answer.1": Reviewed("r-2, 2026-11-26", "新しい文。")})
    assert '    text: "新しい文。"\n    state: reviewed\n' in changed


def test_a_second_review_takes_the_place_of_the_first():
    right = SOURCE.replace('"r-1, 2026-11-01"', '"r-9, 2026-12-01"')
    assert edited(SOURCE, PATH, {"answer.2": Reviewed("r-9, 2026-12-01")}) == right


def test_a_line_that_is_not_there_is_named():
    with pytest.raises(WordingError, match=r"there is no line 'ask\.9'"):
        edited(SOURCE, PATH, {"ask.9": Reviewed("r-1, 2026-11-26")})


def test_a_line_that_cannot_be_edited_in_its_place_is_named():
    anchored = (
        "version: 1\nlines:\n"
        "  - {id: ask.1, state: &s draft, split: train, text: 一。}\n  - {id: ask.2, state: *s, split: train, text: 二。}\n"
    )
    with pytest.raises(WordingError, match="edit it by hand"):
        edited(anchored, PATH, {"ask.1": Reviewed("r-1, 2026-11-26"), "ask.2": Reviewed("r-1, 2026-11-26")})


@settings(deadline=None)
@given(text=st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda t: t.strip() and t[-1] != "\n"))
def test_whatever_a_reviewer_writes_is_read_as_it_was_written(text: str):
    found = wordings_of(edited(SOURCE, PATH, {"ask.1": Reviewed("r-1, 2026-11-26", text)}), PATH)
    assert found.lines[0].text == text


@pytest.mark.parametrize("path", [*sorted(FOLDER.glob("*.yaml")), *domains().values()], ids=lambda p: p.stem)
def test_every_line_of_the_project_can_be_marked_and_nothing_else_changes(path: Path):
    source = path.read_text(encoding="utf-8")
    names = [line.name for line in wordings_of(source, path).lines if line.state == "draft"]
    marked = edited(source, path, {name: Reviewed("r-1, 2026-11-26") for name in names})
    assert marked.replace('state: reviewed, reviewer: "r-1, 2026-11-26"', "state: draft") == source
