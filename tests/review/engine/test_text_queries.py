"""What the search box finds. Expected sets are read off the texts; those for English agree with what Argilla's own tests expect of
Elasticsearch for texts of the same make (all words in any field, whole words, no order)."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

TEXTS = {
    "tokyo": "東京の首都高速は、朝から渋滞しています。",
    "kyoto": "京都の寺を三つ回りました。とても静かでした！",
    "osaka": "大阪で、ｶﾚｰｳﾄﾞﾝを食べた。",
    "gpt": "ＧＰＴ-4 で要約する。",
    "card": "The payment with my credit card was declined",
    "cash": "I deposited cash into my account a week ago; the payment is late",
    "category": "This category of payment is called a transfer",
    "haiku": "古池や\n蛙飛びこむ\n水の音",
    "code": 'print("100%") # row_12',
}


@pytest.fixture(scope="module")
def made(dataset):
    """Texts above, each with a second field that says its kind."""
    made = dataset({"text": "text", "kind": "text"})
    made.log(
        *(
            {"external_id": name, "fields": {"text": text, "kind": "english" if text.isascii() else "日本語"}}
            for name, text in TEXTS.items()
        )
    )
    return made


JAPANESE = {"tokyo", "kyoto", "osaka", "gpt", "haiku"}
ENGLISH = {"card", "cash", "category", "code"}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("京", {"tokyo", "kyoto"}),  # one character
        ("東京", {"tokyo"}),  # two
        ("首都高速", {"tokyo"}),
        ("都の", {"kyoto"}),  # across what a word would be
        ("京東", set()),  # the order counts
        ("。", {"tokyo", "kyoto", "osaka", "gpt"}),
        ("！", {"kyoto"}),
        ("!", {"kyoto"}),  # width does not matter
        ("カレーウドン", {"osaka"}),  # half-width kana
        ("ー", {"osaka"}),
        ("gpt", {"gpt"}),
        ("ＧＰＴ-4", {"gpt"}),
        ("東京\u3000渋滞", {"tokyo"}),  # an ideographic space parts words
        ("飛びこむ 水", {"haiku"}),
        ("row_12", {"code"}),
        ("100%", {"code"}),
        ("card", {"card"}),
        ("CARD", {"card"}),
        ("cat", set()),  # a Latin word is found whole
        ("payment card", {"card"}),  # both words, in whatever order
        ("payment account", {"cash"}),
        ("english card", {"card"}),  # in two fields
        ("nothing", set()),
    ],
)
def test_words_are_found(made, query: str, expected: set[str]):
    assert made.found(query) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("東京 | 大阪", {"tokyo", "osaka"}),
        ("東京|大阪", {"tokyo", "osaka"}),
        ("payment +card", {"card"}),
        ("payment -card", {"cash", "category"}),
        ("-payment english", {"code"}),
        ("-日本語", ENGLISH),
        ('"credit card"', {"card"}),
        ('"card credit"', set()),
        ('"payment card"~3', {"card"}),  # with my credit stand between
        ('"payment card"~2', set()),
        ("cat*", {"category"}),
        ("c*", {"card", "cash", "category"}),
        ("paymemt~1", {"card", "cash", "category"}),
        ("pament~1", {"card", "cash", "category"}),
        ("paimemt~1", set()),
        ("paimemt~2", {"card", "cash", "category"}),
        ("(card | cash) -declined", {"cash"}),
        ("payment (declined | late)", {"card", "cash"}),
        ("payment declined | 京都", {"card", "kyoto"}),
        (r"\-4", {"gpt"}),  # meant as it is
        ("東京 | -payment", JAPANESE | {"code"}),
        ('"東京', {"tokyo"}),  # never closed
        ("| +", JAPANESE | ENGLISH),  # no word
        ("   ", JAPANESE | ENGLISH),
        ("((", JAPANESE | ENGLISH),
    ],
)
def test_operators_bind_words(made, query: str, expected: set[str]):
    assert made.found(query) == expected


def test_a_query_may_ask_one_field(made):
    assert made.found("日本", field="kind") == JAPANESE
    assert made.found("日本", field="text") == set()
    made.api("POST", f"/datasets/{made.id}/records/search", {"query": {"text": {"q": "a", "field": "no"}}}, 422)


def test_scores_fall_and_are_one_without_words(made):
    made.search("payment | card")
    assert made.scores == sorted(made.scores, reverse=True)
    assert made.scores[0] > made.scores[-1] > 0
    names, _ = made.search("payment | card")
    assert names[0] == "card"
    made.search()
    assert set(made.scores) == {1.0}
    made.search("-card")
    assert set(made.scores) == {1.0}
    made.search("payment", sort=[({"entity": "record", "property": "id"}, "asc")])
    assert set(made.scores) == {None}  # whoever sorts asks for no score


def test_a_filter_does_not_change_scores(made):
    made.search("payment")
    before = made.scores
    pending = {"type": "terms", "scope": {"entity": "record", "property": "status"}, "values": ["pending"]}
    made.search("payment", filters=[pending])
    assert made.scores == before


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=st.text(st.sampled_from("東京card \"|+-*~()\\1のＡ%_'\0"), max_size=12))
def test_nothing_that_is_typed_is_an_error(made, query: str):
    made.search(query)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_every_piece_of_a_japanese_text_finds_it(made, data):
    name = data.draw(st.sampled_from(["tokyo", "kyoto", "haiku"]))
    text = TEXTS[name]
    start = data.draw(st.integers(0, len(text) - 1))
    piece = text[start : data.draw(st.integers(start + 1, len(text)))].replace("\n", " ").strip()
    if piece:
        assert name in made.found(piece)


def test_a_chat_is_searched_turn_by_turn(dataset):
    made = dataset({"chat": "chat"})
    turns = [{"role": "user", "content": "米の研ぎ方は？"}, {"role": "assistant", "content": "軽く洗います。"}]
    made.log({"external_id": "rice", "fields": {"chat": turns}})
    assert made.found("研ぎ方") == made.found("洗います", field="chat") == {"rice"}
    assert made.found("は？軽く") == set()  # not across two turns


def test_a_custom_field_is_searched_and_an_image_is_not(dataset):
    made = dataset({"text": "text", "card": "custom", "photo": "image"})
    fields = {"text": "題", "card": {"名": "山田錦"}, "photo": "https://image.example.jp/inaho.png"}
    made.log({"external_id": "one", "fields": fields}, {"external_id": "two", "fields": {"text": "別"}})
    assert made.found("山田錦") == {"one"}
    assert made.found("inaho") == set()
    assert made.found("題 | 別") == {"one", "two"}


def test_a_changed_text_is_found_by_its_new_words_alone(dataset):
    made = dataset()
    made.log({"external_id": "a", "fields": {"text": "古い文"}})
    made.log({"external_id": "a", "fields": {"text": "新しい文"}})
    assert (made.found("古い"), made.found("新しい")) == (set(), {"a"})
    made.api("PATCH", f"/records/{made.records['a']}", {"fields": {"text": "さらに別の文"}})
    assert (made.found("新しい"), made.found("さらに")) == (set(), {"a"})
    made.api("DELETE", f"/records/{made.records['a']}")
    assert made.found("さらに") == made.found() == set()
