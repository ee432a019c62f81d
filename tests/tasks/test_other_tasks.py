"""Quotation, constraint following, poems, Magpie: worked answers, and answers that are almost right."""

import pytest

from synth.tasks.constraints import Constraints, words
from synth.tasks.dialogue import Dialogue
from synth.tasks.magpie import Magpie
from synth.tasks.poems import Poems
from synth.tasks.quotation import Quotation, nouns
from synth.tasks.task import TaskError
from synth.tasks.verified import judge
from synth.verify.feasibility import conflicts


def test_a_quoted_sentence_is_the_one_with_the_word(made, passages):
    for one, draw in made(Quotation(unanswerable=0), 40):
        answer = one.turns[1].answer
        word = one.about.split()[-2]
        sentence = answer[answer.index("「") + 1 : answer.rindex("」")]
        assert word in sentence
        assert sum(sentence in p.text for p in passages) == 1
        assert judge(one, 1, [answer.replace(sentence, sentence[:-4] + "。")]).verdict == "fail"
        assert draw.lines


def test_a_word_of_a_twin_is_nowhere_in_the_passage(made):
    for one, _ in made(Quotation(unanswerable=100), 40):
        if one.turns[1].checks[0].kind != "abstention":
            continue
        word = one.about.split()[-2]
        rest = one.turns[0].content.replace(f"「{word}」", "")
        assert word not in rest
        assert judge(one, 1, [one.turns[1].answer]).verdict == "pass"


def test_only_whole_nouns_are_asked_for():
    assert nouns("面白い本を2週間かけて読み、図書館に返した。") == ["図書館"]


def test_a_user_goes_on_in_other_words_each_time(made):
    for one, _ in made(Dialogue(turns=(4, 4), system=0), 40):
        begun = [turn.content[:4] for turn in one.turns if turn.role == "user"][1:]
        assert begun.count("なるほど") <= 1
        assert begun.count("ありがと") <= 1


def test_arranged_words_are_in_the_order_of_a_dictionary(made):
    by_hand = {"野菜": ["南瓜", "キャベツ", "胡瓜", "牛蒡", "大根", "玉葱", "茄子", "人参", "白菜", "ほうれん草"]}
    for one, _ in made(Constraints(sort="arrange"), 80):
        text, answer = one.turns[0].content, one.turns[1].answer
        if "野菜" in text:
            listed = [w for w in by_hand["野菜"] if w in text]
            wanted = listed[::-1] if "逆" in text else listed
            assert sorted(listed, key=answer.index) == wanted
        assert judge(one, 1, [answer]).verdict == "pass"


def test_two_words_in_each_others_place_or_one_line_too_many_fail(made):
    for one, _ in made(Constraints(sort="arrange"), 60):
        answer = one.turns[1].answer
        order = next(c.keywords for c in one.turns[1].checks if c.kind == "keyword_order")
        a, b = order[0], order[-1]
        swapped = answer.replace(a, "\0").replace(b, a).replace("\0", b)
        assert judge(one, 1, [swapped]).verdict == "fail"
        talk = f"承知しました。以下のとおりです。\n\n{answer}\n\nほかにもあればどうぞ。"
        assert judge(one, 1, [talk]).verdict != "pass"


def test_readings_of_words_differ_so_that_their_order_is_certain():
    from synth.verify.lists import gojuon

    for group in words()["groups"]:
        readings = [gojuon(r) for r in group["words"].values()]
        assert len(set(readings)) == len(readings), group["name"]


def test_constraints_of_a_text_can_hold_together_and_their_values_are_said(made):
    for one, _ in made(Constraints(sort="write"), 80):
        spec = one.turns[1].checks
        assert not conflicts(spec)
        assert 2 <= one.turns[0].content.count("\n・") + one.turns[0].content.count("\n- ") <= 4
        for c in spec:
            for limit in (getattr(c, "min", None), getattr(c, "max", None)):
                said = limit is None or str(limit) in one.turns[0].content
                assert said or c.kind in ("bold_count",), (c, one.turns[0].content)


HAIKU = {
    "古池や\n蛙飛び込む\n水の音\nよみ：ふるいけや かわずとびこむ みずのおと": "pass",
    "古池や\n蛙が飛び込む\n水の音\nよみ：ふるいけや かわずがとびこむ みずのおと": "fail",
    "古池や\n蛙飛び込む\n水の音": "fail",
}


@pytest.mark.parametrize(("text", "wanted"), HAIKU.items())
def test_a_haiku_is_counted_over_its_reading(made, text, wanted):
    one = next(one for one, _ in made(Poems(forms=["haiku"]), 60) if "「蛙」" in one.turns[0].content)
    assert judge(one, 1, [text]).verdict == wanted


def test_the_models_own_question_must_be_one_in_japanese(made):
    one, _ = made(Magpie(), 1)[0]
    assert judge(one, 1, ["庭のトマトの葉が黄色くなりました。どうすればよいですか。"], "stop").verdict == "pass"
    assert judge(one, 1, ["What should I do with my tomatoes in summer?"], "stop").verdict == "fail"
    assert judge(one, 1, ["庭のトマトの葉が黄色くなって、それから"], "length").verdict == "fail"
    assert {s["kind"] for s in one.seeds} <= {"persona", "topic"}


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Constraints(most=9), "most is from 2 to 4, not 9"),
        (lambda: Poems(forms=["haiku", "haiku"]), "named twice"),
        (lambda: Magpie(turns=0), "turns is from 1 to 3"),
        (lambda: Quotation(unanswerable=101), "a percentage"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(make, said):
    with pytest.raises(TaskError, match=said):
        make()
