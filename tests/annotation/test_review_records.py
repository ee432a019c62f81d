"""From a row to records and back: drawn orders, mirror images, names that tell nothing, personal data, rows that cannot be shown."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.items import Item, Unreadable, of_answer, of_pair, of_prompt, shown
from annotation.record import ReviewRecord, Unfit, contents, in_code_points, in_own_order, records_of, sent_fields
from annotation.review_tasks import SLOTS, task
from curation.provenance import key

SALT = "5a17"


def pair(
    n: int, people: int = 1, texts: tuple[str, ...] = ("よい回答です。", "わるい回答です。"), **other: Any
) -> Item:
    """A pair's item: chosen first."""
    prompt = [{"role": "user", "content": f"問い{n}"}]
    answers = tuple(key("answer", n, i) for i in range(len(texts)))
    about = {"models": "lab/large / lab/small", "strategy": "delta"}
    return Item(key("row", n), key("document", n), prompt, "", texts, answers, about, people=people, **other)


def records(item: Item, name: str = "preference", salt: str = SALT) -> list[ReviewRecord]:
    """Its records."""
    return records_of(task(name, answers=max(2, len(item.texts))), item, "trial/preference", salt)


def test_which_answer_stands_first_is_drawn_for_each_row_and_is_the_same_each_time():
    orders = [records(pair(n))[0].order for n in range(400)]
    assert orders == [records(pair(n))[0].order for n in range(400)]
    assert 160 < orders.count((0, 1)) < 240  # binomial, 400 draws: 200 ± 4 standard deviations
    assert orders != [records(pair(n), salt="other")[0].order for n in range(400)]
    first = records(pair(7))[0]
    assert [first.fields["a"], first.fields["b"]] == [pair(7).texts[i] for i in first.order]


def test_a_comparison_of_several_people_is_two_records_that_mirror_each_other_in_two_groups():
    seen = {"review-1": 0, "review-2": 0}
    for n in range(100):
        one, other = records(pair(n, people=3))
        assert one.order == other.order[::-1]
        assert (one.mirrored, other.mirrored) == (False, True)
        assert {one.workspace, other.workspace} == {"review-1", "review-2"}
        assert {r.workspace: r.needed for r in (one, other)} == {"review-1": 2, "review-2": 1}
        assert (one.fields["a"], one.fields["b"]) == (other.fields["b"], other.fields["a"])
        assert one.content == other.content
        seen[other.workspace] += 1
    assert min(seen.values()) > 25  # each group meets the mirror image about as often
    (alone,) = records(pair(1))
    assert (alone.workspace, alone.needed) == ("review", 1)
    (quality,) = records(pair(1, people=3, texts=("回答です。",)), "quality")
    assert (quality.workspace, quality.needed, quality.order) == ("review", 3, (0,))
    harmful = records(pair(1, people=2, harmful=True))
    assert {r.workspace for r in harmful} == {"review-harmful-1", "review-harmful-2"}


def test_what_was_asked_about_is_found_again_whoever_was_asked_in_which_language():
    for harmful in (False, True):
        item = pair(3, people=2, harmful=harmful)
        for language in ("ja", "en"):
            asked = records_of(task("preference", harmful=harmful), item, "trial/preference", SALT, language)
            assert {record.content for record in asked} <= contents(pair(3))
    assert contents(pair(3)).isdisjoint(contents(pair(3, texts=("よい回答です！", "わるい回答です。"))))


def test_an_external_id_tells_nothing_and_is_another_for_another_text():
    one, other = records(pair(3, people=2))
    for record in (one, other):
        assert len(bytes.fromhex(record.external_id)) == 16
        assert pair(3).row.hex() not in record.external_id
    assert one.external_id[:4] != other.external_id[:4]
    changed = records(pair(3, people=2, texts=("よい回答です！", "わるい回答です。")))
    assert {r.external_id for r in changed}.isdisjoint({one.external_id, other.external_id})
    again = records(pair(3, people=2))
    assert [r.external_id for r in again] == [one.external_id, other.external_id]


def test_nothing_that_is_shown_tells_who_wrote_an_answer():
    for record in records(pair(3, people=2)):
        text = orjson.dumps(record.fields).decode() + record.external_id
        assert not any(word in text for word in ("lab/", "delta", "chosen", "trial", pair(3).row.hex()))
        assert record.metadata["models"] == "lab/large / lab/small"


@given(st.permutations("abcd"), st.lists(st.integers(1, 4), min_size=4, max_size=4))
def test_ranks_go_back_with_their_answers_ties_too(places: list[str], ranks: list[int]):
    of, order = task("ranking", answers=4), [SLOTS.index(p) for p in places]
    given_ = {"order": [{"value": SLOTS[i], "rank": ranks[i]} for i in range(4)], "usable": "good"}
    back = in_own_order(of, given_, order)
    assert back["usable"] == "good"
    # the answer that stood in place i is number order[i] of the row, and keeps its rank
    assert {one["value"]: one["rank"] for one in back["order"]} == {SLOTS[order[i]]: ranks[i] for i in range(4)}


def test_a_preference_goes_back_to_the_rows_own_order_and_other_choices_stay():
    of = task("preference")
    for choice, straight, swapped in (("a", "a", "b"), ("b", "b", "a"), ("same", "same", "same"), ("both_bad",) * 3):
        assert in_own_order(of, {"preference": choice}, (0, 1)) == {"preference": straight}
        assert in_own_order(of, {"preference": choice}, (1, 0)) == {"preference": swapped}
    assert in_own_order(of, {"preference": "cannot_tell", "gone": 3}, (1, 0)) == {
        "preference": "cannot_tell",
        "gone": 3,
    }


def test_tags_are_sent_as_text_and_kept_as_they_are():
    evil = "<script>alert(1)</script>&lt;"
    item = pair(1, texts=(evil,))
    item = Item(item.row, item.document, [{"role": "user", "content": evil}], "", item.texts, item.answers, {})
    for name in ("quality", "spans"):
        (record,) = records(item, name)
        assert record.fields["answer"] == evil
        sent = sent_fields(task(name), record.fields)
        said = "&lt;script&gt;alert(1)&lt;/script&gt;&amp;lt;"
        assert (sent["answer"], sent["prompt"]) == (said, [{"role": "user", "content": said}])
        assert sent_fields(task(name, markdown=True), record.fields) == record.fields


@given(st.text(st.sampled_from("あ😀<a\n"), max_size=12), st.data())
def test_spans_of_the_page_are_those_of_the_text_and_within_what_the_server_holds(text: str, data: st.DataObject):
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    units = [len(text[:at].encode("utf-16-le")) // 2 for at in (start, end)]  # as JavaScript counts
    span = {"label": "fact", "start": units[0], "end": units[1]}
    assert in_code_points([span], text) == [{"label": "fact", "start": start, "end": end}]
    assert units[1] <= len(sent_fields(task("spans"), {"answer": text, "prompt": []})["answer"])


def test_personal_data_is_masked_before_it_is_shown():
    item = pair(1, texts=("電話は03-1234-5678です。", "taro@example.jp へどうぞ。"))
    (record,) = records(item)
    assert record.masked == 2
    text = orjson.dumps(record.fields).decode()
    assert "03-1234-5678" not in text
    assert "taro" not in text
    assert "【電話番号】" in text
    assert "【メールアドレス】" in text


@pytest.mark.parametrize(
    ("texts", "prompt", "reason", "why"),
    [
        (("回答。", " \n"), "問い", "empty_field", "answer 2 is empty"),
        (("回答。", "別。"), "", "empty_field", "no request"),
        (("回答。", "あ" * 20_001), "問い", "too_long", "20,001 characters"),
        (("回答。", "別。"), "い" * 20_001, "too_long", "20,001 characters"),
        (("電話は03-1234-5678です。", "電話は03-1234-5679です。"), "問い", "same_text", "the same as they are shown"),
    ],
)
def test_a_row_that_cannot_be_shown_has_its_reason(texts: tuple[str, str], prompt: str, reason: str, why: str):
    item = pair(1, texts=texts)
    item = Item(item.row, item.document, [{"role": "user", "content": prompt}], "", texts, item.answers, {})
    with pytest.raises(Unfit, match=why) as refused:
        records(item)
    assert refused.value.reason == reason


def test_a_dialogue_of_too_many_messages_is_refused():
    prompt = [{"role": "user", "content": "はい"}] * 501
    item = Item(key("row"), key("row"), prompt, "", ("よい。", "わるい。"), (key("a"), key("b")), {})
    with pytest.raises(Unfit, match="501 messages; at most 500"):
        records(item)


def test_items_are_read_from_generated_rows_and_pairs():
    messages = [{"role": "user", "content": "問い"}, {"role": "assistant", "content": "答え"}]
    tool = {"type": "function", "function": {"name": "tenki", "description": "天気", "parameters": {}}}
    row = {
        "id": key("r"), "messages": orjson.dumps(messages).decode(), "tools": orjson.dumps([tool]).decode(),
        "model": None, "answer_origin": "program", "verdict": "pass", "function": "dialogue", "domain": None, "answer": "答え",
        "seeds": [{"kind": "document", "digest": key("d")}], "prompt_key": key("p"),
    }  # fmt: skip
    item = of_answer(row)
    assert (item.texts, item.prompt, item.document) == (("答え",), [{"role": "user", "content": "問い"}], key("d"))
    assert item.tools == "tenki：天気\n{}"
    assert item.about == {"function": "dialogue", "models": "program", "verdicts": "pass"}
    with pytest.raises(Unreadable, match="messages is no JSON"):
        of_answer(row | {"messages": "["})
    with pytest.raises(Unreadable, match="tools is no list"):
        of_answer(row | {"tools": "3"})
    sides = {
        f"{side}{part}": value
        for side, said in (("chosen", "よい"), ("rejected", "わるい"))
        for part, value in (
            ("", orjson.dumps([{"role": "assistant", "content": said}]).decode()), ("_id", key(side)),
            ("_origin", "model"), ("_model", f"lab/{side}"), ("_verdict", "pass"),
        )
    }  # fmt: skip
    said = of_pair({"id": key("pair"), "document": None, "prompt": '[{"role": "user", "content": "問い"}]', "tools": None,
                    "strategy": "delta", "function": "dialogue", "domain": "law", "margin": 0.25, **sides})  # fmt: skip
    assert said.texts == ("よい", "わるい")
    assert said.answers == (key("chosen"), key("rejected"))
    assert said.document == key("pair")
    assert said.about["margin"] == "0.250"


def test_a_prompt_is_ranked_where_it_has_enough_different_answers():
    def row(n: int, text: str) -> dict[str, Any]:
        messages = [{"role": "user", "content": "問い"}, {"role": "assistant", "content": text}]
        return {
            "id": key("r", n), "messages": orjson.dumps(messages).decode(), "tools": None, "model": f"lab/{n}", "answer": text,
            "answer_origin": "model", "verdict": "pass", "function": "dialogue", "domain": None, "seeds": [], "prompt_key": key("p"),
        }  # fmt: skip

    rows = [row(0, "あ"), row(1, "い"), row(2, "い "), row(3, "う"), row(4, "え")]
    item = of_prompt(rows, 3)
    assert item is not None
    assert len(set(item.texts)) == 3 == len(item.answers)
    assert item == of_prompt(rows[::-1], 3)
    assert of_prompt(rows[:3], 3) is None  # two of the three say the same


def test_a_call_of_a_tool_is_shown_in_one_line():
    calls = [{"function": {"name": "f", "arguments": {"x": 1}}}]
    said = shown({"role": "assistant", "content": "調べます。", "tool_calls": calls})
    assert said == '調べます。\n▶ f({"x":1})'
