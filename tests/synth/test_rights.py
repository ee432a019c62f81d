"""Documents: what may enter which release; and rows that name a forbidden author."""

import unicodedata
from itertools import product
from pathlib import Path

import pytest

from synth.forbidden_authors import ForbiddenAuthors
from synth.models import check_release
from synth.obligations import PolicyError, Target
from synth.policy_file import load_policy
from synth.rights import Document, of_document, of_page, opted_out, shared_span

POLICY = load_policy(Path(__file__).resolve().parents[2] / "recipes" / "policy.yaml")
WEB = Document("example.jp/a", None, "著作権法30条の4")
USES, PURPOSES = ("embeds", "derives", "topic"), ("train_internal", "share", "publish")


@pytest.mark.parametrize(("use", "purpose"), list(product(USES, PURPOSES)))
def test_text_under_no_known_licence_stays_in_the_house_but_its_topic_does_not(use, purpose):
    allowed = purpose == "train_internal" or use == "topic"
    assert (of_document(WEB, use, purpose, POLICY).status == "allow") == allowed


@pytest.mark.parametrize(("use", "purpose"), list(product(USES, PURPOSES)))
def test_a_site_that_opted_out_gives_nothing(use, purpose):
    out = Document("example.jp/b", None, "著作権法30条の4", opted_out=True)
    assert "opted out" in of_document(out, use, purpose, POLICY).reasons[0]


@pytest.mark.parametrize(
    ("page", "removed", "known"),
    [
        ({"record_type": "response", "x_robots_tag": None, "robots_meta": None}, False, True),
        ({"x_robots_tag": None, "robots_meta": None}, False, True),
        (
            {"record_type": "conversion", "x_robots_tag": None, "robots_meta": None},
            False,
            False,
        ),  # WET: no header, no markup
        ({"record_type": "row", "x_robots_tag": None}, False, False),
        ({"record_type": "response", "x_robots_tag": None}, False, False),  # a stage dropped one of the two
        ({"record_type": "response", "robots_meta": None}, False, False),
        ({}, False, False),
        ({"record_type": "row"}, True, True),  # whoever removed opted-out sites before says so
    ],
)
def test_an_opt_out_that_nobody_looked_for_does_not_count_as_none(page, removed, known):
    document = of_page(page | {"licence": None, "rights_basis": "著作権法30条の4"}, "a.example.jp", removed)
    ruling = of_document(document, "derives", "train_internal", POLICY)
    assert ruling.status == ("allow" if known else "deny")
    if not known:
        assert "so is whether its site has opted out" in ruling.reasons[0]
    named = of_page(page | {"licence": "CC-BY-4.0"}, "a.example.jp", removed)
    assert of_document(named, "derives", "train_internal", POLICY).status == "conditional", "a licence stands by itself"


def test_a_directive_counts_wherever_it_is_from_and_whoever_says_that_there_are_none():
    page = {"record_type": "row", "x_robots_tag": "noai", "licence": None, "rights_basis": "著作権法30条の4"}
    assert of_page(page, "a.example.jp", removed=True).opted_out is True


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
