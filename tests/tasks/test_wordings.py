"""Wordings: files that are read whole or not at all."""

import pytest

from synth.wordings import WordingError, groups, read_wordings, wordings

GOOD = "{id: ask.1, state: draft, split: train, text: 要約して。}"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (f"[{GOOD}, {GOOD}]", "the id 'ask.1' is there twice"),
        ("[{id: ask.1, state: checked, split: train, text: あ}]", "state is one of draft, reviewed, not 'checked'"),
        ("[{id: ask.1, state: reviewed, split: train, text: あ}]", "names its reviewer and the date"),
        ("[{id: ask.1, state: draft, split: train, reviewer: 某, text: あ}]", "has no reviewer yet"),
        ("[{id: ask.1, state: draft, split: dev, text: あ}]", "split is one of train, test, not 'dev'"),
        ("[{id: 依頼, state: draft, split: train, text: あ}]", "id is PART.NUMBER"),
        ("[{id: ask.1, state: draft, split: train}]", "text is missing"),
        ("[{id: ask.1, state: draft, split: train, text: あ, tone: 敬体}]", "unknown key 'tone'"),
        ("要約して", "a mapping with version and lines"),
    ],
)
def test_a_line_that_says_nothing_clear_is_named(tmp_path, lines, said):
    (tmp_path / "x.yaml").write_text(f"version: 1\nlines: {lines}\n", encoding="utf-8")
    with pytest.raises(WordingError, match=r"x\.yaml") as error:
        read_wordings(tmp_path / "x.yaml")
    assert said in str(error.value)


def test_a_slot_without_a_value_is_named(tmp_path):
    (tmp_path / "x.yaml").write_text(
        'lines: [{id: ask.1, state: draft, split: train, text: "{limit}字で"}]', encoding="utf-8"
    )
    line = read_wordings(tmp_path / "x.yaml").of("ask")[0]
    assert line.fill(limit=50) == "50字で"
    with pytest.raises(WordingError, match=r"x/ask.1: no value for \{limit\}"):
        line.fill(length=50)


def test_every_file_of_the_project_can_be_read_and_nobody_has_reviewed_it():
    lines = [line for group in groups() for line in wordings(group).lines]
    assert lines
    assert not [line.id for line in lines if line.state == "reviewed" and not line.reviewer]
