"""Planted personal data is found, and what only looks like it stays."""

import json

import pytest

from curation.normalise.pii.found import TYPES, Taken
from curation.normalise.pii.mask import find
from curation.normalise.pii.person_names import person_names

NUMBERED = [t for t in TYPES if t not in ("address", "person_name")]


def everything(text: str) -> list[tuple[str, int, int]]:
    taken = Taken()
    taken.add(find(text))
    taken.add(person_names(text, list(taken.pieces)))
    return [tuple(piece) for piece in taken.pieces]


@pytest.fixture(
    scope="module", params=[f"contexts{name}.yaml" for name in ("", "_after", "_fresh", "_last", "_more", "_unseen")]
)
def scored(request, values, places):
    texts = values.planted(places, times=8, seed=11, name=request.param)
    return values.scores(texts, everything)


def test_every_type_has_fifty_contexts_half_of_them_lookalikes(values):
    import yaml

    contexts = yaml.safe_load((values.HERE / "contexts.yaml").read_text(encoding="utf-8"))
    assert sorted(contexts) == sorted(TYPES)
    for kind, groups in contexts.items():
        assert min(len(set(groups["planted"])), len(set(groups["lookalikes"]))) >= 25, kind


@pytest.mark.parametrize("kind", NUMBERED)
def test_numbers_are_found_exactly_and_nothing_else_is(scored, kind):
    scores, wrong = scored
    assert scores[kind].recall >= 0.99, [w for w in wrong if w[2][0] == kind]
    assert scores[kind].precision >= 0.98, [w for w in wrong if w[2][0] == kind]


def test_addresses_are_found_from_the_prefecture_to_the_room(scored):
    scores, wrong = scored
    assert scores["address"].recall >= 0.95, [w for w in wrong if w[2][0] == "address"]
    assert scores["address"].precision >= 0.95, [w for w in wrong if w[2][0] == "address"]


def test_names_are_taken_from_forms_and_contacts_only(scored):
    scores, wrong = scored
    assert scores["person_name"].recall >= 0.9
    assert scores["person_name"].precision >= 0.98, [w for w in wrong if w[2][0] == "person_name"]


def test_published_cases_are_right(dev):
    for line in (dev / "known_answers" / "hojichar_mask_pii.jsonl").read_text(encoding="utf-8").splitlines():
        case = json.loads(line)
        assert len(find(case["args"][0])) == (case["expected"] != case["args"][0]), case["args"]
    for name in ("jp_my_number", "jp_corporate_number"):
        for line in (dev / "pii" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
            case = json.loads(line)
            assert bool(find(case["value"])) == case["valid"], case


@pytest.mark.parametrize(
    ("address", "behind"),
    [
        ("東京都千代田区霞が関二丁目1番3号", "にある"),
        ("東京都千代田区霞ヶ関2-1-3", "。"),
        ("札幌市中央区北三条西六丁目1番地", "、"),
        ("京都府京都市中京区寺町通御池上る上本能寺前町488番地", "へ"),
        ("岩手県下閉伊郡普代村第9地割字銅屋13番地2", "です"),
        ("岩手県普代村第9地割字銅屋13番地2", "です"),
        ("長野県長野市大字南長野字幅下692の2", "、"),
        ("大阪府大阪市北区中之島1丁目3番20号 中之島ビル3F", "まで"),
        ("神奈川県横浜市中区日本大通1", "\n"),
    ],
)
def test_addresses_of_every_form_are_whole(address, behind):
    text = f"所在地は{address}{behind}"
    assert [text[f.start : f.end] for f in find(text) if f.type == "address"] == [address]


def test_a_lookalike_of_my_number_in_a_law_stays():
    # 123456789018 has a right check digit; 漢数字 of laws, articles and the digits of a form's example
    law = (
        "第二条　この法律において「個人番号」とは、第七条第一項又は第二項の規定により、住民票コードを変換して得られる番号をいう。"
        "別表第一（第九条関係）　受付番号123456789018の書類については、この限りでない。様式第123456789018号による。"
        "個人番号の欄には000000000000と記入する例がある。昭和二十二年法律第六十七号第二百五十二条の十九第一項"
    )
    assert find(law) == []
