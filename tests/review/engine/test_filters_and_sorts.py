"""Every filter, sort, count and queue that the UI has a control for, asked of the real server over REST."""

import pytest

from tests.review.engine.conftest import options

QUESTIONS = {
    "quality": {"type": "rating", "options": [{"value": n} for n in range(6)]},
    "verdict": {"type": "label_selection", "options": options("good", "bad", "unsure"), "visible_options": None},
    "faults": {"type": "multi_label_selection", "options": options("fact", "style", "length"), "visible_options": None},
    "order": {"type": "ranking", "options": options("a", "b")},
}


def terms(scope: dict, *values: object) -> dict:
    """A filter for values."""
    return {"type": "terms", "scope": scope, "values": [str(value) for value in values]}


def span(scope: dict, **limits: object) -> dict:
    """A filter for a range."""
    return {"type": "range", "scope": scope, **limits}


def meta(name: str) -> dict:
    """A metadata property."""
    return {"entity": "metadata", "metadata_property": name}


def said(question: str, prop: str = "value") -> dict:
    """Something of a question's suggestion."""
    return {"entity": "suggestion", "question": question, "property": prop}


def given(question: str) -> dict:
    """What annotators gave to a question."""
    return {"entity": "response", "question": question}


def column(name: str) -> dict:
    """A column of the record."""
    return {"entity": "record", "property": name}


STATUS = {"entity": "response", "property": "status"}


@pytest.fixture(scope="module")
def rows(dataset):
    """Six rows with metadata; `bare` has none."""
    made = dataset(metadata={"host": "terms", "length": "integer", "quality_score": "float", "tags": "terms"})
    values = {
        "a": {"host": "a.example.jp", "length": 10, "quality_score": 0.5, "tags": ["米", "水"]},
        "b": {"host": "b.example.jp", "length": 9, "quality_score": 0.25, "tags": ["水"]},
        "c": {"host": "a.example.jp", "length": 100, "quality_score": -1.5},
        "d": {"host": "007", "length": 7, "quality_score": 2.0, "tags": ["火"]},
        "e": {"host": "a.example.jp", "length": 10},
        "bare": {},
    }
    made.log(
        *({"external_id": name, "fields": {"text": f"文 {name}"}, "metadata": value} for name, value in values.items())
    )
    return made


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ([terms(meta("host"), "a.example.jp")], {"a", "c", "e"}),
        ([terms(meta("host"), "a.example.jp", "b.example.jp")], {"a", "b", "c", "e"}),
        ([terms(meta("host"), "A.example.jp")], set()),
        ([terms(meta("host"), "7")], set()),  # a word is not a number
        ([terms(meta("tags"), "水")], {"a", "b"}),  # any of a list
        ([terms(meta("length"), "10")], {"a", "e"}),
        ([span(meta("length"), ge=9, le=10)], {"a", "b", "e"}),  # numbers, not words: 100 is more than 9
        ([span(meta("length"), ge=11)], {"c"}),
        ([span(meta("quality_score"), le=0.25)], {"b", "c"}),
        ([terms(meta("quality_score"), "2")], {"d"}),
        ([terms(meta("host"), "a.example.jp"), span(meta("length"), le=10)], {"a", "e"}),
        ([terms(column("external_id"), "a", "bare")], {"a", "bare"}),
        ([terms(column("status"), "completed")], set()),
        ([span(column("inserted_at"), ge="2020-01-01T00:00:00")], {"a", "b", "c", "d", "e", "bare"}),
        ([span(column("inserted_at"), ge="2999-01-01T00:00:00+09:00")], set()),
        ([span(column("updated_at"), le="2020-01-01")], set()),
    ],
)
def test_metadata_and_columns_filter(rows, filters: list[dict], expected: set[str]):
    assert rows.found(filters=filters) == expected


def test_an_id_filters_however_it_is_written(rows):
    assert rows.found(filters=[terms(column("id"), rows.records["b"])]) == {"b"}


def test_a_filter_joins_a_text_query(rows):
    assert rows.found("文", filters=[terms(meta("host"), "a.example.jp")]) == {"a", "c", "e"}
    assert rows.found("文 c", filters=[terms(meta("host"), "b.example.jp")]) == set()


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ([(meta("length"), "asc")], "d b a e c bare"),  # ties as pushed, nothing comes last
        ([(meta("length"), "desc")], "c a e b d bare"),
        ([(meta("quality_score"), "asc")], "c b a d e bare"),
        ([(meta("host"), "asc"), (meta("length"), "desc")], "d c a e b bare"),
        ([(meta("tags"), "asc")], "a b d c e bare"),  # 水 < 火 < 米: of a list the least
        ([(meta("tags"), "desc")], "a d b c e bare"),  # and the greatest
        ([(column("external_id"), "desc")], "e d c bare b a"),
        ([(column("status"), "asc")], "a b c d e bare"),
    ],
)
def test_sorts(rows, sort: list[tuple[dict, str]], expected: str):
    assert rows.search(sort=sort)[0] == expected.split()


def test_pages_join_without_gap_or_repetition(rows):
    sort = [(meta("length"), "asc")]
    whole, total = rows.search(sort=sort)
    pages = [rows.search(sort=sort, offset=offset, limit=4) for offset in (0, 4, 8)]
    assert [name for names, _ in pages for name in names] == whole
    assert {total for _, total in pages} == {6} == {total}


def test_metrics_of_metadata(rows):
    def metrics(name: str) -> dict:
        props = rows.api("GET", f"/me/datasets/{rows.id}/metadata-properties")["items"]
        prop = next(p for p in props if p["name"] == name)
        return rows.api("GET", f"/metadata-properties/{prop['id']}/metrics")

    hosts = metrics("host")
    assert (hosts["type"], hosts["total"]) == ("terms", 5)
    assert [(v["term"], v["count"]) for v in hosts["values"]] == [("a.example.jp", 3), ("007", 1), ("b.example.jp", 1)]
    assert metrics("length") == {"type": "integer", "min": 7, "max": 100}
    assert metrics("quality_score") == {"type": "float", "min": -1.5, "max": 2.0}
    assert metrics("tags")["total"] == 4


def test_a_property_that_is_declared_later_finds_earlier_rows(dataset):
    made = dataset()
    made.log({"external_id": "a", "fields": {"text": "文"}, "metadata": {"late": 12, "word": "x"}})
    for name, kind in (("late", "integer"), ("word", "terms"), ("never", "float")):
        body = {"name": name, "title": name, "settings": {"type": kind}}
        prop = made.api("POST", f"/datasets/{made.id}/metadata-properties", body)
        if name == "never":
            metrics = made.api("GET", f"/metadata-properties/{prop['id']}/metrics")
            assert metrics == {"type": "float", "min": None, "max": None}
    assert made.found(filters=[span(meta("late"), ge=12)]) == {"a"}
    assert made.found(filters=[terms(meta("word"), "x")]) == {"a"}
    assert made.found(filters=[terms(meta("never"), "1")]) == set()
    assert made.search(sort=[(meta("never"), "asc")])[0] == ["a"]


@pytest.fixture(scope="module")
def suggested(dataset):
    """Rows with suggestions."""
    made = dataset(questions=QUESTIONS)
    judge = {"agent": "judge-1", "type": "model"}
    made.log(
        {"external_id": "a", "fields": {"text": "一"}, "suggestions": [
            {"question": "quality", "value": 4, "score": 0.9, **judge}, {"question": "verdict", "value": "good"}]},
        {"external_id": "b", "fields": {"text": "二"}, "suggestions": [
            {"question": "quality", "value": 2, "score": 0.1, "agent": "judge-2", "type": "human"},
            {"question": "faults", "value": ["fact", "style"], "score": [0.8, 0.3], **judge}]},
        {"external_id": "c", "fields": {"text": "三"}, "suggestions": [
            {"question": "order", "value": [{"value": "b", "rank": 1}, {"value": "a", "rank": 2}]}]},
        {"external_id": "d", "fields": {"text": "四"}},
    )  # fmt: skip
    return made


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ([terms(said("quality"), "4")], {"a"}),  # values arrive as text, ratings are numbers
        ([span(said("quality"), ge=2)], {"a", "b"}),
        ([terms(said("verdict"), "good", "bad")], {"a"}),
        ([terms(said("faults"), "style")], {"b"}),
        ([span(said("quality", "score"), ge=0.5)], {"a"}),
        ([terms(said("quality", "score"), "0.1")], {"b"}),
        ([span(said("faults", "score"), le=0.3)], {"b"}),
        ([terms(said("quality", "agent"), "judge-1")], {"a"}),
        ([terms(said("quality", "type"), "human")], {"b"}),
        ([terms(said("faults", "agent"), "judge-1")], {"b"}),
        ([terms(said("order", "agent"), "x")], set()),
    ],
)
def test_suggestions_filter(suggested, filters: list[dict], expected: set[str]):
    assert suggested.found(filters=filters) == expected


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ([(said("quality"), "desc")], "a b c d"),
        ([(said("quality", "score"), "asc")], "b a c d"),
        ([(said("quality", "agent"), "desc")], "b a c d"),
    ],
)
def test_suggestions_sort(suggested, sort: list[tuple[dict, str]], expected: str):
    assert suggested.search(sort=sort)[0] == expected.split()


def test_one_suggestion_comes_and_goes(suggested):
    body = {"question_id": suggested.questions["quality"], "value": 5, "agent": "judge-3"}
    record = suggested.records["d"]
    made = suggested.api("PUT", f"/records/{record}/suggestions", body)
    assert suggested.found(filters=[terms(said("quality"), "5")]) == {"d"}
    suggested.api("PUT", f"/records/{record}/suggestions", {**body, "value": 3})
    assert suggested.found(filters=[terms(said("quality"), "5")]) == set()
    assert suggested.found(filters=[terms(said("quality"), "3")]) == {"d"}
    suggested.api("DELETE", f"/records/{record}/suggestions?ids={made['id']}")
    assert suggested.found(filters=[terms(said("quality"), "3")]) == set()


@pytest.fixture
def answered(dataset, annotators):
    """Four rows; hana and ken answered, mio has not."""
    made = dataset(questions=QUESTIONS, least_submitted=2)
    made.log(*({"external_id": name, "fields": {"text": name}} for name in "abcd"))
    hana, ken, _ = annotators
    made.answer(hana, "a", quality=4, verdict="good", faults=["fact"])
    made.answer(ken, "a", quality=1, verdict="bad")
    made.answer(hana, "b", "draft", quality=5)
    made.answer(ken, "c", "discarded", quality=3)
    return made


def test_a_queue_is_what_this_annotator_has_not_answered(answered, annotators):
    hana, ken, mio = annotators

    def of(who, *statuses: str) -> set[str]:
        return answered.found(as_=who, filters=[terms(STATUS, *statuses)])

    assert of(hana, "pending") == {"c", "d"}
    assert of(ken, "pending") == {"b", "d"}
    assert of(mio, "pending") == {"a", "b", "c", "d"}
    assert of(hana, "submitted") == {"a"}
    assert of(hana, "draft") == {"b"}
    assert of(ken, "discarded") == {"c"}
    assert of(mio, "submitted") == set()
    assert of(hana, "pending", "draft") == {"b", "c", "d"}
    # whoever asks for all people's
    assert answered.found(filters=[terms(STATUS, "submitted")]) == {"a"}
    assert answered.found(filters=[terms(STATUS, "pending")]) == {"d"}


def test_answers_filter_by_their_own_annotator(answered, annotators):
    hana, ken, _ = annotators
    four, good = [terms(given("quality"), "4")], [terms(given("verdict"), "good")]
    assert answered.found(as_=hana, filters=four) == {"a"} == answered.found(filters=four)
    assert answered.found(as_=ken, filters=four) == set()
    assert answered.found(as_=hana, filters=good) == {"a"}
    assert answered.found(as_=ken, filters=good) == set()
    assert answered.found(as_=hana, filters=[span(given("quality"), ge=4)]) == {"a", "b"}
    assert answered.found(as_=hana, filters=[terms(given("faults"), "fact", "length")]) == {"a"}


def test_records_sort_by_the_mean_of_what_was_given(answered, annotators):
    # a: (4 + 1) / 2, b: 5, c: 3, d: nobody
    assert answered.search(sort=[(given("quality"), "desc")])[0] == list("bcad")
    assert answered.search(as_=annotators[0], sort=[(given("quality"), "asc")])[0][:2] == ["a", "b"]


def test_a_changed_and_a_deleted_answer_move_the_record(answered, annotators):
    hana = annotators[0]
    response = answered.answer(hana, "b", "submitted", quality=2)
    assert answered.found(as_=hana, filters=[terms(STATUS, "draft")]) == set()
    assert answered.found(as_=hana, filters=[terms(given("quality"), "2")]) == {"b"}
    assert answered.found(as_=hana, filters=[terms(given("quality"), "5")]) == set()
    hana("DELETE", f"/responses/{response}")
    assert answered.found(as_=hana, filters=[terms(STATUS, "pending")]) == {"b", "c", "d"}


def test_progress_counts_records_and_ones_own_answers(answered, annotators):
    hana, ken, mio = annotators
    progress = answered.api("GET", f"/datasets/{answered.id}/progress")
    assert {key: progress[key] for key in ("total", "completed", "pending")} == {
        "total": 4, "completed": 1, "pending": 3,
    }  # fmt: skip

    def of(who) -> list[int]:
        said = who("GET", f"/me/datasets/{answered.id}/metrics")["responses"]
        return [said[key] for key in ("total", "submitted", "draft", "discarded", "pending")]

    assert of(hana) == [4, 1, 1, 0, 2]
    assert of(ken) == [4, 1, 0, 1, 2]
    assert of(mio) == [4, 0, 0, 0, 4]
    assert answered.found(filters=[terms(column("status"), "completed")]) == {"a"}


def test_a_draft_dataset_has_no_progress(dataset):
    made = dataset(publish=False)
    assert made.api("GET", f"/datasets/{made.id}/progress")["total"] == 0


def test_queues_are_shuffled_by_annotator_and_stay(dataset, annotators):
    made = dataset(questions=QUESTIONS)
    names = [f"row{n:02}" for n in range(40)]
    made.log(*({"external_id": name, "fields": {"text": f"文 {name}"}} for name in names))
    hana, ken, _ = annotators
    first, second = made.search(as_=hana)[0], made.search(as_=ken)[0]
    assert sorted(first) == sorted(second) == names
    assert first != second != names != first
    pages = [made.search(as_=hana, offset=offset, limit=7)[0] for offset in range(0, 42, 7)]
    assert [name for page in pages for name in page] == first
    made.answer(hana, first[3], quality=1)
    made.log({"external_id": first[5], "fields": {"text": "書き直した文"}})
    assert made.search(as_=hana)[0] == first
    assert made.search(as_=hana, filters=[terms(STATUS, "pending")])[0] == [n for n in first if n != first[3]]
    assert made.search(as_=hana, sort=[(column("external_id"), "asc")])[0] == names


def test_pushing_twice_and_deleting(dataset, annotators):
    made = dataset(questions=QUESTIONS)
    rows = [{"external_id": name, "fields": {"text": name}} for name in "ab"]
    made.log(*rows)
    made.answer(annotators[0], "a", quality=4)
    made.log(*rows)
    assert made.found() == {"a", "b"}
    assert made.found(filters=[terms(STATUS, "submitted")]) == {"a"}  # an answer stays with its record
    made.api("DELETE", f"/datasets/{made.id}/records?ids={made.records['a']}")
    assert made.found() == {"b"}
    assert made.found(filters=[terms(STATUS, "submitted")]) == set()
    made.api("DELETE", f"/datasets/{made.id}")
    made.api("POST", f"/datasets/{made.id}/records/search", {}, 404)
