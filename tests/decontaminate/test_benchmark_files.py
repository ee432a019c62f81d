"""Benchmarks' files: read as their packs say, or refused with the place, what was found and what would be right."""

import gzip
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curation.decontaminate.benchmark_file import read_items
from curation.decontaminate.pack import Layout, Pack, pack_names, read_pack
from curation.decontaminate.sets import Benchmarks, benchmark_sets
from curation.spdx import licence_fault

QA = {"form": "jsonl", "question": "q", "answer": "a", "id": "id"}


def items(content: bytes | str, layout: dict | Pack, path: str = "eval.jsonl") -> dict:
    """Items of one file by name, each with its parts."""
    raw = content.encode() if isinstance(content, str) else content
    made = Layout(**layout) if isinstance(layout, dict) else layout
    return {item.name: item.parts for item in read_items("s", made, [(path, raw)])}


def refused(content: bytes | str, layout: dict | Pack) -> str:
    """What is said of a file that is not as its layout says."""
    with pytest.raises(ValueError, match=r"eval\.jsonl") as found:
        items(content, layout)
    return str(found.value)


def lines(*objects: object) -> str:
    """JSON lines."""
    return "\n".join(json.dumps(o, ensure_ascii=False) for o in objects)


def test_json_lines_give_an_item_a_line_and_blank_lines_are_none():
    text = lines({"id": 1, "q": "山は？", "a": "富士"}) + "\n\n" + lines({"id": 2, "q": "川は？", "a": None})
    assert items(text, QA) == {
        "s:1": {"question": (("山は？",),), "answer": (("富士",),)},
        "s:2": {"question": (("川は？",),)},
    }


def test_a_gzipped_file_and_a_byte_order_mark_are_read_whatever_the_name():
    raw = gzip.compress(b"\xef\xbb\xbf" + lines({"id": 1, "q": "山は？", "a": "富士"}).encode())
    assert list(items(raw, QA)) == ["s:1"]


def test_without_an_id_items_are_numbered_from_one_behind_the_name_of_their_file():
    layout = Layout(form="csv", columns=["q", "a"], question="q")
    found = read_items(
        "s",
        layout,
        [("x/anatomy.csv", "一、\n二、,b\n".replace("一、\n", "一、,a\n").encode()), ("y/law.csv", b"c,d\n")],
    )
    assert [item.name for item in found] == ["s:anatomy/1", "s:anatomy/2", "s:law/1"]


def test_squads_nested_form_has_its_passage_around_the_question():
    document = {"data": [{"title": "梅雨", "paragraphs": [{"context": "雨の季節。", "qas": [
        {"id": "a1", "question": "何の季節か。", "answers": [{"text": "雨"}, {"text": "雨"}, {"text": "雨季"}]}]}]}]}  # fmt: skip
    assert items(json.dumps(document), read_pack("jsquad")) == {
        "s:a1": {"question": (("何の季節か。",),), "answer": (("雨",), ("雨季",)), "context": (("雨の季節。",),)}
    }


def test_the_answer_of_a_choice_is_the_text_that_its_label_names():
    row = {
        "q_id": 3,
        "question": "どれ？",
        "choice0": "ア",
        "choice1": "イ",
        "choice2": "ウ",
        "choice3": "エ",
        "choice4": "オ",
        "label": 2,
    }
    assert items(lines(row), read_pack("jcommonsenseqa"))["s:3"]["answer"] == (("ウ",),)
    assert "eval.jsonl, line 1: 'label' is 7, and one of 0 to 4 is wanted" in refused(
        lines(row | {"label": 7}), read_pack("jcommonsenseqa")
    )
    jmmlu = read_pack("jmmlu")
    assert items("尿を集める構造は？,膀胱 ,腎臓 , 尿管 , 尿道,A\n", jmmlu)["s:1"]["answer"] == (("膀胱 ",),)
    assert "line 1: 'answer' is 'E', and one of A, B, C, D is wanted" in refused("問,ア,イ,ウ,エ,E\n", jmmlu)


def test_two_sentences_belong_together_and_turns_are_told_apart():
    assert items(
        lines({"sentence_pair_id": "7", "sentence1": "犬がいる。", "sentence2": "猫がいる。"}), read_pack("jnli")
    ) == {"s:7": {"question": (("犬がいる。", "猫がいる。"),)}}
    turns = {"question_id": 81, "turns": ["旅の記録を書いて。", "短くして。"], "reference": ["昨日は。"]}
    assert items(lines(turns), read_pack("mt_bench_ja"))["s:81"]["question"] == (
        ("旅の記録を書いて。",),
        ("短くして。",),
    )


def test_xml_and_tsv_and_parquet_are_read_too():
    answers = "<answers><answer>東京</answer><answer>東京都</answer></answers>"
    xml = f"<questions><question><text>首都は？</text>{answers}</question></questions>"
    assert items(xml, read_pack("niilc")) == {"s:1": {"question": (("首都は？",),), "answer": (("東京",), ("東京都",))}}
    assert items("卵が三個あります。\t3\n", read_pack("mgsm_ja"))["s:1"]["answer"] == (("3",),)
    out = io.BytesIO()
    pq.write_table(pa.table({"q": ["山は？"], "a": ["富士"]}), out)
    assert items(out.getvalue(), {"form": "parquet", "question": "q"}) == {"s:1": {"question": (("山は？",),)}}


@pytest.mark.parametrize(
    ("content", "layout", "said"),
    [
        ('{"q": "山', QA, "eval.jsonl, line 1: is no JSON"),
        ('[\n{"q": "山"}\n]', QA, "line 1 column 2 (char 1)); a file that is one JSON document has form: json"),
        ('[{"q": "山"}]', QA, "line 1: is a JSON list, and an object is wanted; a file that is one JSON list has form: json"),
        ('{"q": "山"}\n{"q": "川"}', QA | {"form": "json"}, "its first line is JSON by itself, so it is form: jsonl"),
        ('{"rows": []}', QA | {"form": "json"}, "is a mapping (rows), and its pack says no 'items': where in it the list is"),
        ('{"rows": []}', QA | {"form": "json", "items": "data[]"}, "no 'data' where items are looked for (data[]); found rows"),
        ('{"data": {}}', QA | {"form": "json", "items": "data[]"}, "items are looked for at 'data[]', which is a dict and no list"),
        ('{"data": []}', QA | {"form": "json", "items": "data[]"}, ": no item in it; form json, items data[]"),
        (lines({"id": 1, "question": "山は？"}), QA, "line 1: no text in the field 'q'; fields here: id, question"),
        (lines({"id": 1, "q": ["山は？"], "a": "b"}), QA, "line 1: 'q' is a list, and a text is wanted; 'q[]' takes each of a list"),
        (lines({"id": 1, "q": "山は？"}), QA, "eval.jsonl: no item has a text in 'a'"),
        (lines({"q": "山は？", "a": "b"}), QA, "line 1: no text in the field 'id'"),
        ("", QA, ": no item in it; form jsonl"),
        (b"PK\x03\x04zip", QA, "is a zip archive; unpack it and name the file inside"),
        (b"<!DOCTYPE html><html>", QA, "is an HTML page; take the file itself, not the page that shows it"),
        (b"version https://git-lfs.github.com/spec/v1\n", QA, "a Git LFS pointer, not the file"),
        ("山は？".encode("cp932"), QA, "is not UTF-8"),
        (b"\x1f\x8b\x08broken", QA, "its gzip is broken"),
        (b"PAR1....", QA, "is Parquet, and its pack says form: jsonl"),
        (b"q,a\n", {"form": "parquet", "question": "q"}, "is no Parquet, and its pack says form: parquet"),
        (b"PAR1....", {"form": "parquet", "question": "q"}, "its Parquet cannot be read"),
        ("q,a\n山は？\n", {"form": "csv", "question": "q"}, "line 2: 1 columns, and 2 are wanted (q, a)"),
        ('q\n"山は？', {"form": "csv", "question": "q"}, "is no csv (unexpected end of data)"),
        ("<a><question>", {"form": "xml", "items": "question", "question": "text"}, "is no XML"),
        ("<a/>", {"form": "xml", "items": "question", "question": "text"}, ": no item in it; form xml, items question"),
    ],
)  # fmt: skip
def test_a_file_of_another_form_is_named_with_its_place(content, layout, said: str):
    message = refused(content, layout)
    assert said in message, message
    assert message.startswith("eval.jsonl")


def test_every_pack_says_where_its_benchmark_is_from_and_what_was_looked_up():
    assert set(pack_names()) == {
        "jcommonsenseqa", "jnli", "jsts", "jsquad", "jmmlu", "niilc", "mgsm_ja", "jhumaneval", "elyza_tasks_100", "mt_bench_ja",
        "m_ifeval_ja", "jfbench", "llm_jp_eval",
    }  # fmt: skip
    for name in pack_names():
        pack = read_pack(name)
        assert pack.name == name
        assert pack.source.url.startswith("https://")
        assert not licence_fault(pack.source.licence)
        assert pack.known.read


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"file": "e.jsonl"}, "sets: x: says neither a 'pack' nor which field is the 'question'"),
        ({"file": "e.jsonl", "pack": "jnli", "question": "q"}, "the pack 'jnli' says question already"),
        ({"pack": "jnli"}, "file: Field required"),
        ({"file": "e", "question": "q", "fields": ["q"]}, "fields: Extra inputs are not permitted"),
        ({"file": "e", "question": ["a[]", "b"]}, "each one text: without []"),
        ({"file": "e", "question": "q", "reject": {"quesion": 0.5}}, "'quesion' is no part of an item; parts: question,"),
        ({"file": "e", "question": "q", "reject": {"question": 80}}, "question: is a share in (0, 1], not 80"),
        ({"file": "e", "question": "q", "form": "jsonl", "columns": ["q"]}, "'columns' names those of a csv or tsv file"),
    ],
)  # fmt: skip
def test_a_set_that_a_recipe_says_wrong_is_named(said: dict, message: str):
    with pytest.raises(ValueError, match="sets: x") as found:
        benchmark_sets({"x": said})
    assert message in str(found.value), str(found.value)


def test_a_missing_file_says_where_to_get_it_and_an_unknown_pack_which_there_are(tmp_path):
    made = Benchmarks(benchmark_sets({"jsq": {"file": "no.json", "pack": "jsquad"}}), tmp_path)
    with pytest.raises(
        ValueError,
        match=r"'jsq': there is no file .*no.json; JGLUE, JSQuAD v1.3 has it: .* at https://github.com/yahoojapan",
    ):
        made.artefacts()
    with pytest.raises(ValueError, match="there is no pack 'jsqad'; did you mean 'jsquad'"):
        Benchmarks(benchmark_sets({"jsq": {"file": "no.json", "pack": "jsqad"}}), tmp_path).artefacts()


def test_a_pack_of_ones_own_and_a_pattern_of_files(tmp_path):
    (tmp_path / "own.yaml").write_text(
        "name: own\nsource: {title: t, url: u, file: f, licence: LicenseRef-own}\nform: csv\ncolumns: [q, a]\nquestion: q\n"
    )
    for name in ("b", "a"):
        (tmp_path / f"{name}.csv").write_text(f"{name}の問題です,{name}\n")
    made = Benchmarks(benchmark_sets({"own": {"file": "*.csv", "pack": "own.yaml"}}), tmp_path)
    assert [item.name for item in made.items] == ["own:a/1", "own:b/1"]
    (tmp_path / "own.yaml").write_text("name: own\nquestion: q\n")
    with pytest.raises(ValueError, match=r"own\.yaml: source: Field required"):
        Benchmarks(benchmark_sets({"own": {"file": "*.csv", "pack": "own.yaml"}}), tmp_path).artefacts()


@pytest.mark.parametrize(
    ("pack", "file", "count"),
    [
        ("jcommonsenseqa", "jglue_jcommonsenseqa_valid-v1.3.json.gz", 1119),
        ("jnli", "jglue_jnli_valid-v1.3.json.gz", 2434),
        ("jsts", "jglue_jsts_valid-v1.3.json.gz", 1457),
        ("jsquad", "jglue_jsquad_valid-v1.3.json.gz", 4442),
        ("m_ifeval_ja", "m_ifeval_ja.jsonl", 172),
    ],
)
def test_real_benchmarks_are_read_whole(dev, pack: str, file: str, count: int):
    made = Benchmarks(benchmark_sets({"s": {"file": file, "pack": pack}}), dev / "benchmarks")
    assert len(made.items) == count
