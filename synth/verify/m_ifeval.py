"""The constraints of M-IFEval (Japanese part, Lightblue, Apache-2.0) as ours: its instructions and arguments become specs.

What the wording of the set leaves open stays open here (how spaces count in 文字数): such a verdict may abstain where theirs
decides. Keywords fold kana, because a prompt of the set asks for たんぱく質 and its arguments say タンパク質.
"""

from collections.abc import Callable, Mapping
from typing import Any

from synth.verify.constraint import Constraint, SpecError, parse

CHOICES = ("はい、そうです。", "いいえ、違います。", "どちらとも言えません。")


def _relation(relation: str, count: int) -> dict[str, int]:
    if relation not in ("以上", "未満"):
        raise SpecError(f"M-IFEval knows the relations 以上 and 未満, not {relation!r}")
    return {"min": count} if relation == "以上" else {"max": count - 1}


def _exactly(count: int) -> dict[str, int]:
    return {"min": count, "max": count}


_SPECS: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "language:response_language": lambda k: {"kind": "response_language", "language": k["language"]},
    "length_constraints:number_sentences": lambda k: {
        "kind": "sentence_count",
        **_relation(k["relation"], k["num_sentences"]),
    },
    "length_constraints:number_letters": lambda k: {"kind": "char_count", **_relation(k["relation"], k["num_letters"])},
    "length_constraints:number_paragraphs": lambda k: {
        "kind": "paragraph_count",
        "separator": "***",
        **_exactly(k["num_paragraphs"]),
    },
    "length_constraints:nth_paragraph_first_word": lambda k: {
        "kind": "paragraph_start",
        "word": k["first_word"],
        "nth": k["nth_paragraph"],
        "paragraphs": k["num_paragraphs"],
    },
    "detectable_content:number_placeholders": lambda k: {"kind": "placeholder_count", "min": k["num_placeholders"]},
    "detectable_content:postscript": lambda k: {"kind": "postscript", "marker": k["postscript_marker"]},
    "detectable_format:number_bullet_lists": lambda k: {"kind": "bullet_count", **_exactly(k["num_bullets"])},
    "detectable_format:number_numbered_lists": lambda k: {"kind": "numbered_count", **_exactly(k["num_items"])},
    "detectable_format:constrained_response": lambda k: {"kind": "answer_choice", "choices": CHOICES},
    "detectable_format:number_highlighted_sections": lambda k: {"kind": "highlight_count", "min": k["num_highlights"]},
    "detectable_format:multiple_sections": lambda k: {
        "kind": "section_count",
        "unit": k["section_spliter"],
        "count": k["num_sections"],
    },
    "detectable_format:json_format": lambda k: {"kind": "json_form"},
    "detectable_format:title": lambda k: {"kind": "title"},
    "detectable_format:nominal_ending": lambda k: {"kind": "taigendome_count", "min": k["count"]},
    "keywords:existence": lambda k: {"kind": "keyword_include", "keywords": k["keywords"], "fold_kana": True},
    "keywords:frequency": lambda k: {
        "kind": "keyword_count",
        "keyword": k["keyword"],
        **_relation(k["relation"], k["frequency"]),
    },
    "keywords:letter_frequency": lambda k: {
        "kind": "keyword_count",
        "keyword": k["letter"],
        **_relation(k["let_relation"], k["let_frequency"]),
    },
    "keywords:forbidden_words": lambda k: {"kind": "keyword_exclude", "keywords": k["forbidden_words"]},
    "combination:two_responses": lambda k: {"kind": "separated_answers", "count": 2, "separator": "******"},
    "combination:repeat_prompt": lambda k: {"kind": "repeat_prompt", "text": k["prompt_to_repeat"]},
    "startend:end_checker": lambda k: {"kind": "end_phrase", "phrase": k["end_phrase"]},
    "startend:quotation": lambda k: {"kind": "enclosed", "brackets": "「」"},
    "startend:sentence_unified_end": lambda k: {"kind": "sentence_end", "ending": k["ending"]},
    "punctuation:no_period": lambda k: {"kind": "kutoten_exclude", "kuten": True},
    "punctuation:no_comma": lambda k: {"kind": "kutoten_exclude", "touten": True},
    "letters:furigana": lambda k: {"kind": "furigana"},
    "letters:kanji": lambda k: {
        "kind": "script_count",
        "script": "kanji",
        **_relation(k["relation"], k["kanji_limit"]),
    },
    "letters:no_hiragana": lambda k: {"kind": "script_exclude", "script": "hiragana"},
    "letters:hiragana_only": lambda k: {"kind": "script_only", "scripts": ["hiragana"]},
    "letters:no_katakana": lambda k: {"kind": "script_exclude", "script": "katakana"},
    "letters:katakana_only": lambda k: {"kind": "script_only", "scripts": ["katakana"]},
    "letters:kansuuji": lambda k: {"kind": "kansuuji"},
}
"""Our spec for each instruction of the set, without its prefix `ja:`."""


def specs_of(row: Mapping[str, Any]) -> list[Constraint]:
    """The constraints of one row. Raises SpecError naming the row and what it asks that is not known here."""
    found = []
    for instruction, arguments in zip(row["instruction_id_list"], row["kwargs"], strict=True):
        make = _SPECS.get(instruction.removeprefix("ja:"))
        if make is None:
            raise SpecError(
                f"row {row.get('key')}: no constraint here for {instruction!r}; known: {', '.join(sorted(_SPECS))}"
            )
        try:
            found.append(parse(make(arguments)))
        except KeyError as error:
            raise SpecError(
                f"row {row.get('key')}: {instruction}: no argument {error}; found {sorted(arguments)}"
            ) from None
    return found
