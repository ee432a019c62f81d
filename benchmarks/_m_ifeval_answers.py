"""Answers made for each constraint of M-IFEval: some that satisfy it, and some that miss it by as little as can be."""

import json
from collections.abc import Callable
from typing import Any

NOUNS = ["山", "川", "海", "森", "空", "風", "雪", "花", "鳥", "月", "星", "雨", "雲", "石", "草"]
FOREIGN = {
    "fr": "L'atmosphère terrestre est composée de plusieurs couches, et chacune d'elles joue un rôle important pour la vie.",
    "th": "ขอบคุณมากสำหรับความช่วยเหลือของคุณในโครงการนี้ ฉันซาบซึ้งใจจริงๆ",
    "fi": "Ruotsin koulutusjärjestelmä on maksuton, ja kaikilla lapsilla on oikeus perusopetukseen kotikunnassaan.",
    "ar": "ذهب رجل إلى الطبيب وقال له إنه ينسى كل شيء، فسأله الطبيب منذ متى وأنت على هذه الحال؟",
}
Pairs = tuple[list[str], list[str]]


def _sentences(n: int) -> str:
    return "".join(f"{NOUNS[i % 15]}は静かです。" for i in range(n))


def _relation(relation: str, count: int, make: Callable[[int], str]) -> Pairs:
    good = [count, count + 1, count + 7] if relation == "以上" else [count - 1, max(count - 2, 1)]
    bad = [count - 1] if relation == "以上" else [count, count + 1]
    return [make(n) for n in good if n > 0], [make(n) for n in bad if n > 0]


def _times(word: str) -> Callable[[int], str]:
    return lambda n: "です。".join([word] * n) + "です。"


def _listed(n: int, mark: Callable[[int], str]) -> str:
    return "\n".join(f"{mark(i)}{NOUNS[i % 15]}の話{i // 15 or ''}" for i in range(n))


def _letters(relation: str, count: int) -> Pairs:
    return _relation(relation, count, lambda n: ("米を研いで水に浸し火にかけて蒸らす" * (n // 17 + 1))[: n - 1] + "。")


def _kanji(relation: str, count: int) -> Pairs:
    return _relation(relation, count, lambda n: "".join(NOUNS[i % 15] + "と" for i in range(n)) + "です。")


def _bullets(n: int) -> Pairs:
    good = [
        _listed(n, lambda i: "・"),
        "説明です。\n\n" + _listed(n, lambda i: "- ") + "\n\n以上です。",
        _listed(n, lambda i: "● "),
    ]
    return good, [_listed(n + 1, lambda i: "・"), _listed(n - 1, lambda i: "- "), _sentences(n)]


def _numbers(n: int) -> Pairs:
    good = [
        _listed(n, lambda i: f"{i + 1}. "),
        _listed(n, lambda i: f"（{i + 1}）"),
        "答え：\n" + _listed(n, lambda i: f"{i + 1}．"),
    ]
    return good, [
        _listed(n + 1, lambda i: f"{i + 1}. "),
        _listed(n - 1, lambda i: f"{i + 1}. "),
        _listed(n, lambda i: f"{i + 2}. "),
    ]


def _highlights(n: int) -> Pairs:
    def make(k: int) -> str:
        return "、".join(f"《{NOUNS[i % 15]}{'の' * (i // 15)}》" for i in range(k)) + "について述べます。"

    return [make(n), make(n + 1), make(n) + "\n以上です。"], [
        make(n - 1),
        make(n).replace("《", "〈").replace("》", "〉"),
    ]


def _sections(unit: str, n: int) -> Pairs:
    def make(k: int, form: str = "第{}{}\n") -> str:
        return "\n".join(form.format(i + 1, unit) + _sentences(2) for i in range(k))

    return [make(n), make(n, "## 第{}{} はじめに\n"), "前書き。\n" + make(n)], [
        make(n - 1),
        make(n + 1),
        make(n, "{}{}\n"),
    ]


def _paragraphs(n: int) -> Pairs:
    def make(k: int, between: str) -> str:
        return between.join(_sentences(2) for _ in range(k))

    good = [make(n, "\n***\n"), make(n, "\n\n***\n\n"), make(n, "\n *** \n")]
    return good, [make(n + 1, "\n***\n"), make(n - 1, "\n***\n"), make(n, "\n\n")]


def _nth(word: str, nth: int, n: int) -> Pairs:
    def make(begin: str, at: int, k: int) -> str:
        return "\n\n".join((begin if i == at else "") + _sentences(2) for i in range(1, k + 1))

    other = nth % n + 1
    good = [make(word + "について。", nth, n), make(word + "、", nth, n), make(f"「{word}」とは。", nth, n)]
    return good, [
        make("さて、" + word, nth, n),
        make(word, nth, n + 1),
        make(word, other, n),
        make(word, nth, n).replace("\n\n", "\n"),
    ]


def _placeholders(n: int) -> Pairs:
    def make(k: int) -> str:
        return "".join(f"[{NOUNS[i % 15]}の名前]は" for i in range(k)) + "良いです。"

    return [make(n), make(n + 2), make(n).replace("[", "［").replace("]", "］")], [
        make(n - 1),
        make(n).replace("[", "(").replace("]", ")"),
    ]


def _postscript(marker: str) -> Pairs:
    good = [
        f"本文です。\n\n{marker} 写真を送ります。",
        f"本文です。\n{marker}：また会いましょう。",
        f"長い本文。\n\n{marker}\n傘を忘れずに。",
    ]
    return good, ["本文です。", f"本文です。\n\n{marker}", f"本文の中で{marker}に触れます。"]


def _keywords(words: list[str]) -> Pairs:
    good = [
        "、".join(words) + "について述べます。",
        "".join(f"これは{w}の話です。" for w in words),
        "\n".join(f"・{w}性" for w in words),
    ]
    return good, ["、".join([*words[1:], words[0][:-1] or "他"]) + "について。", _sentences(3)]


def _forbidden(words: list[str]) -> Pairs:
    safe = [w for w in ("本を読む。", "朝に起きる。", "道を歩く。") if not any(x in w for x in words)]
    return safe, [f"これは{w}だ。" for w in words] + [f"新{words[-1]}論"]


def _unified(ending: str) -> Pairs:
    stem = {"です": "山", "ます": "歩き", "なさい": "歩き", "ました": "歩き"}[ending]
    good = [f"{stem}{ending}。", f"{stem}{ending}。{stem}{ending}！", f"今日は{stem}{ending}。\n明日も{stem}{ending}。"]
    return good, [f"{stem}{ending}。それは違う。", f"{stem}{ending}ね。", f"{stem}{ending}。山だった。"]


def _nominal(n: int) -> Pairs:
    def make(k: int) -> str:
        return "".join(f"窓の外には静かな{NOUNS[i % 15]}。" for i in range(k)) + "私は歩きます。"

    return [make(n), make(n + 1)], [make(n - 1), _sentences(n)]


def _repeat(text: str) -> Pairs:
    good = [f"{text}\n\n答えは次のとおりです。", f"{text}答えます。", f"{text}\n1. 一つ目"]
    return good, ["答えは次のとおりです。", text, f"はい。{text}\n答えです。", text[:-2] + "。\n答えです。"]


def _end(phrase: str) -> Pairs:
    return [f"説明です。\n{phrase}", f"説明です。{phrase}", f"{phrase}\n"], [
        "説明です。",
        f"{phrase}では、また。",
        f"説明です。{phrase[2:]}",
    ]


_MAKERS: dict[str, Callable[[dict[str, Any]], Pairs]] = {
    "language:response_language": lambda k: (
        [FOREIGN[k["language"]], FOREIGN[k["language"]] + "\n" + FOREIGN[k["language"]]],
        ["日本語で答えます。山は静かです。", "The answer is written in English, which nobody asked for."]
        + [text for language, text in FOREIGN.items() if language != k["language"]],
    ),
    "length_constraints:number_sentences": lambda k: _relation(k["relation"], k["num_sentences"], _sentences),
    "length_constraints:number_letters": lambda k: _letters(k["relation"], k["num_letters"]),
    "length_constraints:number_paragraphs": lambda k: _paragraphs(k["num_paragraphs"]),
    "length_constraints:nth_paragraph_first_word": lambda k: _nth(
        k["first_word"], k["nth_paragraph"], k["num_paragraphs"]
    ),
    "detectable_content:number_placeholders": lambda k: _placeholders(k["num_placeholders"]),
    "detectable_content:postscript": lambda k: _postscript(k["postscript_marker"]),
    "detectable_format:number_bullet_lists": lambda k: _bullets(k["num_bullets"]),
    "detectable_format:number_numbered_lists": lambda k: _numbers(k["num_items"]),
    "detectable_format:constrained_response": lambda k: (
        ["はい、そうです。", "いいえ、違います。", "どちらとも言えません。"],
        ["はい。", "いいえ、違います。理由は次のとおりです。", "違います。"],
    ),
    "detectable_format:number_highlighted_sections": lambda k: _highlights(k["num_highlights"]),
    "detectable_format:multiple_sections": lambda k: _sections(k["section_spliter"], k["num_sections"]),
    "detectable_format:json_format": lambda k: (
        ['{"名": "草津"}', '```json\n[{"名": "草津", "湯": true}]\n```', '{"a": {"b": [1, 2]}}'],
        ['{"名": "草津",}', "{'名': '草津'}", '例です。{"名": "草津"}', "名：草津"],
    ),
    "detectable_format:title": lambda k: (
        ["『山の声』\n山は静かです。", "# 『海』\n海は広い。", "『長い題：副題』\n\n本文です。"],
        ["山の声\n山は静かです。", "「山の声」\n山は静かです。", "『』\n山は静かです。"],
    ),
    "detectable_format:nominal_ending": lambda k: _nominal(k["count"]),
    "keywords:existence": lambda k: _keywords(k["keywords"]),
    "keywords:frequency": lambda k: _relation(k["relation"], k["frequency"], _times(k["keyword"])),
    "keywords:letter_frequency": lambda k: _relation(
        k["let_relation"], k["let_frequency"], lambda n: "、".join(["山" + k["letter"]] * n)
    ),
    "keywords:forbidden_words": lambda k: _forbidden(k["forbidden_words"]),
    "combination:two_responses": lambda k: (
        ["一つ目の答え。\n******\n二つ目の答え。", "右。\n\n******\n\n左。", "はい。******いいえ。"],
        ["一つだけの答え。", "一。\n***\n二。", "一。\n******\n二。\n******\n三。", "同じ。\n******\n同じ。"],
    ),
    "combination:repeat_prompt": lambda k: _repeat(k["prompt_to_repeat"]),
    "startend:end_checker": lambda k: _end(k["end_phrase"]),
    "startend:quotation": lambda k: (
        ["「山は静かです。」", "「一行目。\n二行目。」", "「彼は『行く』と言った。」"],
        ["山は静かです。", "「山」と「川」", "「山は静かです。", "「山は静かです。」以上。"],
    ),
    "startend:sentence_unified_end": lambda k: _unified(k["ending"]),
    "punctuation:no_period": lambda k: (
        ["山へ行こう！海へ行こう！", "山は静か、海は広い", "・山\n・海"],
        ["山は静かだ。", "山！海。", "山。"],
    ),
    "punctuation:no_comma": lambda k: (
        ["山は静かだ。海は広い。", "山・川・海", "山へ行く。"],
        ["山、川。", "さて、行こう。", "山，川。"],
    ),
    "letters:furigana": lambda k: (
        ["山（やま）は静（しず）かです。", "漢字（かんじ）を書（か）く。", "海（うみ）、川（かわ）。"],
        ["山（やま）は静かです。", "山は静（しず）かです。", "漢字（kanji）を書（か）く。"],
    ),
    "letters:kanji": lambda k: _kanji(k["relation"], k["kanji_limit"]),
    "letters:no_hiragana": lambda k: (
        ["日本国憲法。", "ホビット、冒険。", "山・川・海"],
        ["山の声。", "ホビットの冒険", "海へ"],
    ),
    "letters:hiragana_only": lambda k: (
        ["やまは しずかです。", "「うみ」は ひろい。", "らーめんが すき。"],
        ["やまは静かです。", "うみとヤマ", "やまA"],
    ),
    "letters:no_katakana": lambda k: (
        ["山は静かです。", "らーめんを食べる。", "P.S. 元気です。"],
        ["アルプスの山です。", "山とカワ", "ｱ"],
    ),
    "letters:katakana_only": lambda k: (
        ["ヤマハ シズカデス。", "「ウミ」ハ ヒロイ。", "ラーメン・ギョーザ"],
        ["ヤマは シズカデス。", "山ハ シズカ", "ヤマA"],
    ),
    "letters:kansuuji": lambda k: (
        ["一一九二年。", "三人で行く。", "千円と五百円です。"],
        ["1192年。", "三人と2匹で行く。", "五００円"],
    ),
}


def answers(instruction: str, arguments: dict[str, Any]) -> Pairs:
    """Answers that satisfy an instruction of M-IFEval with these arguments, and answers that just miss it."""
    return _MAKERS[instruction.removeprefix("ja:")](arguments)


def measured(path: Any) -> dict[str, Any]:
    """False fails over satisfying answers, false passes over minimal violations, and abstentions, over the whole file."""
    from synth.verify.m_ifeval import specs_of

    counts: dict[str, Any] = {"good": 0, "bad": 0, "false_fail": [], "false_pass": [], "abstain": [], "kinds": set()}
    for row in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
        for spec, instruction, arguments in zip(specs_of(row), row["instruction_id_list"], row["kwargs"], strict=True):
            counts["kinds"].add(spec.kind)
            for side, made in zip(("good", "bad"), answers(instruction, arguments), strict=True):
                for answer in made:
                    outcome = spec.verify(row["prompt"], answer).outcome
                    counts[side] += 1
                    where = (row["key"], instruction, answer[:60])
                    if outcome == "abstain":
                        counts["abstain"].append((side, *where))
                    elif side == "good" and outcome == "fail":
                        counts["false_fail"].append(where)
                    elif side == "bad" and outcome == "pass":
                        counts["false_pass"].append(where)
    return counts
