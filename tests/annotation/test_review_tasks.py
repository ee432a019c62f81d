"""What review tasks show and ask: in both languages, blind, and as they are given to Argilla."""

import pytest

from annotation.errors import ReviewError
from annotation.items import Item
from annotation.review_tasks import COMPARED, NAMES, base, task, warning

VARIANTS = [(name, harmful) for name in NAMES for harmful in (False, True)]


@pytest.mark.parametrize(("name", "harmful"), VARIANTS)
def test_a_task_asks_the_same_in_both_languages_in_other_words(name: str, harmful: bool):
    japanese, english = (task(name, language, 4, harmful=harmful) for language in ("ja", "en"))
    assert [f.name for f in japanese.fields] == [f.name for f in english.fields]
    for ours, theirs in zip(japanese.questions, english.questions, strict=True):
        assert (ours.name, ours.asks, ours.required) == (theirs.name, theirs.asks, theirs.required)
        assert list(ours.labels or ()) == list(theirs.labels or ())
        assert ours.title != theirs.title
        assert ours.description != theirs.description
        assert max(map(len, (ours.title, theirs.title))) <= 500
        assert max(map(len, (ours.description, theirs.description))) <= 1000
    assert japanese.version != english.version


@pytest.mark.parametrize(("name", "harmful"), VARIANTS)
def test_guidelines_fit_the_server_and_speak_japanese_first(name: str, harmful: bool):
    guidelines = task(name, harmful=harmful).guidelines
    assert len(guidelines) <= 10_000
    parts = guidelines.split("\n\n---\n\n")
    assert len(parts) == (4 if harmful else 2)
    japanese, english = parts[: len(parts) // 2], parts[len(parts) // 2 :]
    for text in japanese:
        assert sum("ぁ" <= c <= "ん" for c in text) > len(text) / 4
    for text in english:
        assert sum(c.isascii() for c in text) > len(text) * 0.9
    for question in task(name).questions:  # what the guidelines name is what is on the page
        if question.asks == "label":
            assert any(label in guidelines for label in (question.labels or {}).values())


def test_a_preference_keeps_same_apart_from_both_bad_and_cannot_tell():
    asked = task("preference").questions[0]
    assert dict(asked.labels or {}) == {
        "a": "Aがよい", "b": "Bがよい", "same": "同じ", "both_bad": "どちらも悪い", "cannot_tell": "判断できない",
    }  # fmt: skip
    assert asked.required


def test_a_ranking_has_a_card_and_a_field_for_each_answer():
    three, five = task("ranking", answers=3), task("ranking", answers=5)
    assert list(three.questions[0].labels or ()) == ["a", "b", "c"] == [f.name for f in three.fields][2:]
    assert list(five.questions[0].labels or ()) == ["a", "b", "c", "d", "e"]
    assert three.version != five.version
    for wrong in (1, 9):
        with pytest.raises(ReviewError, match=f"{wrong} answers cannot be ranked: 2 to 8 can"):
            task("ranking", answers=wrong)


@pytest.mark.parametrize("name", NAMES)
def test_harmful_content_has_a_warning_before_all_else_and_a_way_out_that_costs_nothing(name: str):
    of = task(name, harmful=True)
    assert of.fields[0].name == "warning"
    assert "報酬や評価に影響はありません" in warning("ja")
    assert of.guidelines.startswith("# はじめに：つらい内容が含まれます")
    assert of.questions[0].name == "skip"
    assert not of.questions[0].required
    assert of.version != task(name).version
    assert base(of.name) == name


@pytest.mark.parametrize("name", NAMES)
def test_texts_are_shown_as_they_are_unless_the_task_is_markdown(name: str):
    for markdown in (False, True):
        of = task(name, markdown=markdown)
        assert {f["settings"]["use_markdown"] for f in of.shown} == {markdown}
    assert task(name).version != task(name, markdown=True).version
    assert next(f["settings"]["type"] for f in task(name).shown if f["name"] == "prompt") == "chat"


def test_an_unknown_task_is_named():
    with pytest.raises(ReviewError, match="there is no review task 'quality2'; there are quality, preference"):
        task("quality2")


def test_tasks_whose_answers_stand_side_by_side_are_those_with_slots():
    assert {n for n in NAMES if "a" in {f.name for f in task(n).fields}} == set(COMPARED)
    assert Item.__dataclass_fields__["people"].default == 1
