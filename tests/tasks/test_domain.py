"""Documents of a domain: invented facts, leaked ones, what was not asked for, and a domain of one's own in one file."""

import json
import re

import pytest

from synth.tasks.domain import Domain
from synth.tasks.domain_file import domains, read_domain
from synth.tasks.task import TaskError
from synth.tasks.verified import judge
from synth.verify.exact_math import number

OWN = """
version: 2027.1.1
domain: fishing
document: 釣果の記録
subjects: [川の釣り, 港の釣り]
order: [fish, count, day, weather]
least: 3
facts:
  fish: {values: [アジ, イワナ]}
  count: {number: [3, 30, 1], unit: 匹}
  day: {date: [2027-04-01, 2027-04-30]}
  weather: {values: [晴れ, くもり]}
lines:
  - {id: title.1, state: draft, split: train, text: "{subject}"}
"""


def own_file(tmp_path, change=lambda text: text, lines=True):
    text = OWN
    if lines:
        for fact, what in (("fish", "魚"), ("count", "数"), ("day", "日付"), ("weather", "天気")):
            for part, said in (
                ("", f"{what}は{{value}}だった。"),
                ("_key", what),
                ("_ask", f"{what}は何でしたか。"),
                ("_reply", f"{what}は{{value}}でした。"),
            ):
                text += f'  - {{id: {fact}{part}.1, state: draft, split: train, text: "{said}"}}\n'
    path = tmp_path / "fishing.yaml"
    path.write_text(change(text), encoding="utf-8")
    return path


def test_a_domain_is_added_by_one_file(tmp_path, made):
    task = Domain(domains=[str(own_file(tmp_path))])
    found = made(task, 60)
    assert {one.domain for one, _ in found} == {"fishing"}
    for one, _ in found:
        judged = judge(one, 1, [one.turns[1].answer])
        assert judged.verdict == "pass", (one.turns, judged.found)
        assert "釣果の記録" in one.turns[0].content
    assert {line.group for _, draw in found for line in draw.lines} == {"domain", "fishing"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.replace("least: 3", "least: 9"), "least is from 3 to the number of facts (4), not 9"),
        (lambda t: t.replace("order: [fish, ", "order: ["), "the fact 'fish' has no place in order"),
        (lambda t: t.replace("{id: day_ask.1", "{id: days_ask.1"), "no line for part 'day_ask'"),
        (
            lambda t: t.replace('"{subject}"', '"{oops}"'),
            "line title.1: nothing fills {oops}; slots of this part: {subject}",
        ),
        (lambda t: t.replace("魚は何でしたか", "{value}は何でしたか"), "line fish_ask.1: nothing fills {value}"),
        (lambda t: t.replace("document:", "documents:"), "unknown key 'documents'"),
        (lambda t: t.replace("domain: fishing\n", ""), "'domain' is missing"),
        (
            lambda t: t.replace("lines:", "derived:\n  more: {minus: [count, fish]}\nlines:"),
            "derived 'more': minus names two facts that are numbers",
        ),
    ],
)
def test_a_file_that_says_too_little_is_named(tmp_path, change, said):
    with pytest.raises(TaskError, match=re.escape(said)) as error:
        Domain(domains=[str(own_file(tmp_path, change))])
    assert "fishing.yaml" in str(error.value)


def test_an_unknown_domain_names_those_that_there_are():
    with pytest.raises(TaskError, match="there is no domain 'medicine'; domains are call_centre, contract, finance"):
        Domain(domains=["medicine"])
    with pytest.raises(TaskError, match="there is no sort 'summarise'"):
        Domain(sorts=["summarise"])
    assert set(domains()) == {"medical_record", "call_centre", "contract", "finance", "local_government"}


def test_every_domain_has_a_name_of_its_own_and_comes(made):
    names = {read_domain(name).name for name in domains()}
    assert names == {"medical", "call_centre", "legal", "finance", "local_government"}
    assert {one.domain for one, _ in made(Domain(), 90)} == names


def test_a_value_that_the_document_lacks_is_null_and_an_invented_one_fails(made):
    seen = 0
    for one, _ in made(Domain(sorts=["extract"], unanswerable=100), 120):
        values = json.loads(one.turns[1].answer)
        gone = [key for key, value in values.items() if value is None]
        for key in gone:
            invented = json.dumps({**values, key: "2027-01-01"}, ensure_ascii=False)
            assert judge(one, 1, [invented]).verdict == "fail"
            seen += 1
        spoilt = {key: value + 1 if isinstance(value, int) else value for key, value in values.items()}
        assert spoilt == values or judge(one, 1, [json.dumps(spoilt, ensure_ascii=False)]).verdict == "fail"
    assert seen > 30


def test_an_unanswerable_twin_says_that_it_is_unknown(made):
    for one, _ in made(Domain(sorts=["question"], unanswerable=100), 120):
        kinds = {c.kind: c for c in one.turns[1].checks}
        if kinds["abstention"].expect != "unknown":
            continue
        leak = kinds["abstention"].leaks[0]
        assert leak not in one.turns[0].content
        assert judge(one, 1, [f"{leak}です。"]).verdict == "fail"
        assert judge(one, 1, [f"書かれていませんが、{leak}だと思われます。分かりません。"]).verdict == "fail"


def test_a_number_that_the_document_does_not_have_fails(made):
    for one, _ in made(Domain(sorts=["question"], unanswerable=0), 120):
        answer = one.turns[1].answer
        assert judge(one, 1, [answer + "なお、このほかに987,654件ありました。"]).verdict == "fail"
        assert judge(one, 1, ["分かりません。記載がありません。"]).verdict == "fail"


def test_a_derived_answer_is_the_difference_of_two_numbers_in_the_document(made):
    for one, _ in made(Domain(domains=["finance"], sorts=["derived"], unanswerable=0), 60):
        amounts = dict(re.findall(r"(当期|前期|次期)の売上高は([\d,]+)百万円", one.turns[0].content))
        by_hand = {
            "前期より": lambda a: number(a["当期"]) - number(a["前期"]),
            "上回り": lambda a: number(a["次期"]) - number(a["当期"]),
        }
        wanted = next(count(amounts) for word, count in by_hand.items() if word in one.turns[0].content)
        assert f"{int(wanted):,}百万円" in one.turns[1].answer
        assert judge(one, 1, [f"差は{int(wanted) + 100:,}百万円です。"]).verdict == "fail"


def test_a_difference_without_one_of_its_numbers_is_unknown(made):
    seen = 0
    for one, _ in made(Domain(domains=["finance"], sorts=["derived"], unanswerable=100), 60):
        (unknown,) = [c for c in one.turns[1].checks if c.kind == "abstention"]
        if unknown.expect == "unknown":
            seen += 1
            assert len(re.findall(r"(?:当期|前期|次期)の売上高は[\d,]+百万円", one.turns[0].content)) < 3
            assert judge(one, 1, [f"差は{unknown.leaks[0]}です。"]).verdict == "fail"
    assert seen > 20


def test_a_summary_tells_what_was_asked_for_and_nothing_else(made):
    for one, _ in made(Domain(sorts=["summary"]), 120):
        answer = one.turns[1].answer
        short = answer.rsplit("\n", 1)[0]
        assert judge(one, 1, [short]).verdict == "fail", "an item is missing"
        turned = "\n".join(answer.split("\n")[::-1])
        assert judge(one, 1, [turned]).verdict == "fail", "in another order"
        others = next((c for c in one.turns[1].checks if c.kind == "keyword_exclude"), None)
        if others is not None:
            assert judge(one, 1, [f"{answer}（ほかに{others.keywords[0]}）"]).verdict == "fail"


def test_a_file_of_ones_own_is_part_of_what_a_recipe_depends_on(tmp_path):
    path = own_file(tmp_path)
    assert Domain(domains=["finance", str(path)]).files() == (path,)
    assert Domain().files() == ()
