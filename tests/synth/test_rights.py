"""Documents and imported sets: what may enter which release, and rows that name a forbidden author."""

import json
import unicodedata
from itertools import product
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synth.imported import ForbiddenAuthors, read_set
from synth.models import check_release
from synth.obligations import PolicyError, Target
from synth.policy_file import load_policy
from synth.rights import Document, of_document, opted_out, shared_span

POLICY = load_policy(Path(__file__).resolve().parents[2] / "recipes" / "policy.yaml")
WEB = Document("example.jp/a", None, "著作権法30条の4")
USES, PURPOSES = ("embeds", "derives", "topic"), ("train_internal", "share", "publish")

ORIGIN = "nvidia/Nemotron-Personas-Japan"
"""A listed set, for tests of what is in the file."""


@pytest.mark.parametrize(("use", "purpose"), list(product(USES, PURPOSES)))
def test_text_under_no_known_licence_stays_in_the_house_but_its_topic_does_not(use, purpose):
    allowed = purpose == "train_internal" or use == "topic"
    assert (of_document(WEB, use, purpose, POLICY).status == "allow") == allowed


@pytest.mark.parametrize(("use", "purpose"), list(product(USES, PURPOSES)))
def test_a_site_that_opted_out_gives_nothing(use, purpose):
    out = Document("example.jp/b", None, "著作権法30条の4", opted_out=True)
    assert "opted out" in of_document(out, use, purpose, POLICY).reasons[0]


def test_a_source_without_a_basis_that_the_policy_names_gives_nothing():
    for basis in (None, "because we can"):
        assert of_document(Document("x", None, basis), "topic", "train_internal", POLICY).status == "deny"


@pytest.mark.parametrize("purpose", PURPOSES)
def test_laws_are_free(purpose):
    law = Document("著作権法", "LicenseRef-jp-copyright-act-13")
    assert not of_document(law, "embeds", purpose, POLICY).obligations
    assert of_document(law, "embeds", purpose, POLICY).status == "allow"


@pytest.mark.parametrize("use", USES)
def test_conditions_of_open_licences_attach_to_wording_and_not_to_topics(use):
    wiki = of_document(Document("百科の項目", "CC-BY-SA-4.0"), use, "share", POLICY)
    assert {o.kind for o in wiki.obligations} == (set() if use == "topic" else {"attribution", "share_alike"})


def test_an_attribution_names_its_source():
    wiki = of_document(Document("百科の項目", "CC-BY-4.0"), "embeds", "share", POLICY)
    with pytest.raises(PolicyError, match="百科の項目"):
        check_release([wiki], Target("m", "share", False))
    check_release([wiki], Target("m", "share", False, ("出典 CC-BY-4.0: 百科の項目",)))


def test_licences_that_cannot_hold_together_fail_naming_both():
    alike = [
        of_document(Document(n, lic), "derives", "share", POLICY)
        for n, lic in (("百科", "CC-BY-SA-4.0"), ("手引", "GPL-2.0-only"))
    ]
    with pytest.raises(PolicyError, match=r"手引.*百科|百科.*手引"):
        check_release(alike, Target("m", "share", False, ("CC-BY-SA-4.0: 百科",), "CC-BY-SA-4.0"))


def test_cc_by_sa_4_passes_on_under_gpl_3_but_not_the_other_way():
    alike = [
        of_document(Document(n, lic), "derives", "share", POLICY)
        for n, lic in (("百科", "CC-BY-SA-4.0"), ("手引", "GPL-3.0-or-later"))
    ]
    notice = ("CC-BY-SA-4.0: 百科",)
    check_release(alike, Target("m", "share", False, notice, "GPL-3.0-or-later"))
    with pytest.raises(PolicyError, match="licence must be"):
        check_release(alike, Target("m", "share", False, notice, "CC-BY-SA-4.0"))


@pytest.mark.parametrize("licence", ["CC-BY-NC-4.0", "CC-BY-ND-4.0", "LicenseRef-unheard-of"])
def test_a_licence_that_is_denied_or_unlisted_denies(licence):
    assert of_document(Document("x", licence), "topic", "train_internal", POLICY).status == "deny"


def test_opt_outs_are_read_from_robots_directives():
    assert opted_out("noai, noimageai", None)
    assert opted_out(None, "index, noai")
    assert not opted_out("noindex", "nofollow, noarchive")


def test_thirty_characters_in_common_are_no_topic():
    source = "弥生時代から続くこの村の祭りは、毎年秋の彼岸に川原で行われ、若者が火を渡る。"
    assert shared_span(source, f"問い: {source[4:34]}とは何か。", 30) == source[4:34]
    assert shared_span(source, f"問い: {source[4:33]}とは何か。", 30) is None
    assert shared_span(source, "問い: " + " ".join(source[4:34]) + "とは", 30) == source[4:34], (
        "spaces between hide nothing"
    )


SAYS_SO = """私はOpenAIによって訓練された大規模言語モデルです。
OpenAIによって訓練された言語モデルとして、感情はありません。
申し訳ありませんが、OpenAIが開発したAIアシスタントなので、お答えできません。
私の名前はChatGPTです。
私はChatGPTと申します。
わたしはAnthropicが開発したClaudeです。
AI言語モデルとして、OpenAIの開発した私は個人の意見を持ちません。
As an AI developed by OpenAI, I cannot do that.
I'm Claude, made by Anthropic.
I am a large language model trained by OpenAI.
As an AI language model created by Anthropic, I try to help.
僕はGPT-4です。
私はGoogleのGeminiです。
私は、Googleによってトレーニングされた、大規模言語モデルです。
はい、OpenAIによって開発された人工知能です。
ChatGPTと申します。
こんにちは、ChatGPTです。
私、Claudeは感情を持ちません。
Anthropic製のAIアシスタントです。
当AIはOpenAI社のGPT-4をベースにしています。
私の開発元はOpenAIです。
私を作ったのはGoogleです。
Googleが提供するGeminiとしてお答えします。
OpenAIの言語モデルなので、分かりません。
OpenAIの利用規約により、お答えできません。
OpenAIのポリシーに従い、お答えできません。
私はＯｐｅｎＡＩによって作られました。
オープンAIが作った言語モデルですので、分かりません。
私は OpenAI に よって 訓練された モデルです。
わたしはオープンAI社製の対話AIです。
ユーザー様、私はGPT‐4です。
僕の中の人はGPT-4oだよ。
チャッピーことＣｈａｔＧＰＴがお答えします！
My creators at OpenAI trained me.
Trained by OpenAI, I am happy to help.
我是OpenAI开发的语言模型。""".splitlines()

IS_ABOUT = """ChatGPTはOpenAIが開発したAIチャットボットです。
OpenAIは2015年に設立された研究所です。
クロードは印象派の画家です。
私はモネ、つまりクロード・モネの絵が好きです。
I was bombarded with questions.
I think OpenAI released GPT-4 in 2023.
OpenAIが開発したGPT-4は、多言語に対応する言語モデルです。
彼の名前はクロードです。
私は昨日、ChatGPTを使ってみました。
双子座（ジェミニ）の人は社交的です。
Gemini is a constellation.
私たちの会社ではOpenAIが提供するAPIを使っています。
I am using Google Chrome.
I was searching Google for a recipe.
As an AI researcher, I have used Claude.
As an AI engineer, I build tools with models trained by my team and sell them to Google.
I am Claude Monet's biggest fan.
自分はGeminiの双子座です。
Googleです。
その検索エンジンを作ったのはGoogleです。
私は昔Googleに勤めていました。
私の好きな会社はGoogleです。
私はClaudeを使って翻訳しました。
私はグーグルの株を買いました。
OpenAIのポリシーは2023年に変わりました。
僕はクロードという犬を飼っている。""".splitlines()


@pytest.mark.parametrize("text", SAYS_SO)
def test_an_answer_that_names_a_forbidden_author_is_found(text):
    hit = ForbiddenAuthors.of(POLICY).find(f"ご質問ありがとうございます。{text}続けます。")
    assert hit is not None
    said = unicodedata.normalize("NFKC", text).replace("‐", "-").replace(" ", "")
    assert hit[1].rstrip("。.!").replace(" ", "") in said


@pytest.mark.parametrize("text", IS_ABOUT)
def test_an_answer_about_a_provider_is_not(text):
    assert ForbiddenAuthors.of(POLICY).find(text) is None


def test_an_introduction_reaches_over_two_sentences_and_an_answer_that_is_a_name_is_none():
    authors = ForbiddenAuthors.of(POLICY)
    assert authors.find("Claudeです。よろしくお願いします。") == ("Anthropic", "Claudeです。")
    assert authors.find("答えは次のとおりです。Googleです。1998年にできました。") is None


def test_all_turns_of_the_assistant_are_looked_at_and_no_others():
    authors = ForbiddenAuthors.of(POLICY)
    said = "私はOpenAIによって訓練されたモデルです。"
    first = [{"role": "assistant", "content": said}, {"role": "user", "content": "続けて"}]
    last = {"role": "assistant", "content": "はい。"}
    assert authors.find_in([*first, last]) == ("OpenAI", said)
    assert authors.find_in([{"role": "user", "content": said}, {"role": "assistant", "content": None}, last]) is None


def test_a_set_of_unknown_origin_is_refused(tmp_path):
    path = tmp_path / "set.jsonl"
    path.write_text("{}")
    for origin, said in (
        (None, "declares no `origin`"),
        ("somebody/set", "not listed"),
        ("lmsys/lmsys-chat-1m", "agreement"),
    ):
        with pytest.raises(PolicyError, match=said):
            list(read_set(path, origin, POLICY))


def test_rows_of_a_set_are_kept_or_rejected_with_what_they_say(tmp_path):
    said = [
        {"role": "user", "content": "誰？"},
        {"role": "assistant", "content": "私はOpenAIによって訓練されたモデルです。"},
    ]
    rows = [
        {
            "messages": [
                {"role": "user", "content": "私の名前はChatGPTです。"},
                {"role": "assistant", "content": "こんにちは。"},
            ]
        },
        {"messages": said},
        {"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]},
        {"instruction": "要約して", "input": "本文", "output": "要約"},
        {"text": "?"},
    ]
    path = tmp_path / "set.jsonl"
    path.write_text("\n".join(json.dumps(r, ensure_ascii=False) for r in rows) + '\n{"cut')
    got = list(read_set(path, ORIGIN, POLICY))
    assert [r.reason for r in got] == [None, "forbidden_author", None, None, "malformed_answer", "malformed_answer"]
    assert got[1].detail == "OpenAI: 私はOpenAIによって訓練されたモデルです。"
    assert got[2].messages[1] == {"role": "assistant", "content": "b"}
    assert got[3].messages[0]["content"] == "要約して\n\n本文"
    pq.write_table(pa.table({"messages": [json.dumps(r["messages"]) for r in rows[:2]]}), tmp_path / "set.parquet")
    assert [r.reason for r in read_set(tmp_path / "set.parquet", ORIGIN, POLICY)] == [None, "forbidden_author"]
