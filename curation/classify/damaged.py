"""Good text made bad by program: negative examples where no labelled ones may be had.

Each kind imitates one sort of page that a crawl is full of and a model should not read, made from a good text and with its own words,
so that neither subject nor site tells the two apart. Kinds and their shares are the training recipe's. Such examples teach what is in
them and no more: a page that is well-written nonsense looks good to what learnt from them.
"""

import random
import re
from collections.abc import Callable, Sequence

Tokenise = Callable[[str], tuple[list[str], list[str]]]
"""Surfaces and parts of speech of a text, as `curation.features.words.Tokeniser` gives them."""

_SENTENCE = re.compile(r"[^。！？!?\n]*[。！？!?]|[^。！？!?\n]+|\n+")
_SEPARATORS = (" ", "、", "｜", " / ", "\n", "　", ",")
_MORE = ("…", "……", "...", "…続きを読む", "…［もっと見る］")
_TEMPLATES = (
    "{a}の{b}なら当サイトにお任せ！{a} {b} おすすめ ランキング。",
    "{a}の{b}を徹底比較。{a}で人気の{b}はこちら。",
    "【{a}】{b}の口コミ・評判まとめ！{b}は本当に{a}？",
    "{a}の料金は？{a}の方法は？{b}との違いは？調べてみました！",
    "{b}を探しているなら{a}。{a}の{b}が今なら無料！",
)


def shuffled_words(text: str, rng: random.Random, tokenise: Tokenise) -> str:
    """The words of each sentence in another order: text of a Markov chain, or of a broken translation."""
    made = []
    for sentence in sentences(text):
        end = sentence[-1] if sentence[-1] in "。！？!?\n" else ""
        words = tokenise(sentence.removesuffix(end))[0]
        rng.shuffle(words)
        made.append("".join(words) + end)
    return "".join(made)


def keyword_list(text: str, rng: random.Random, tokenise: Tokenise) -> str:
    """Nouns of the text, drawn with repetition and strung together: keyword stuffing."""
    nouns = _nouns(text, tokenise)
    separator, size = rng.choice(_SEPARATORS), 0
    made = []
    while nouns and size < len(text):
        made.append(" ".join(rng.choices(nouns, k=rng.randint(1, 3))))
        size += len(made[-1]) + len(separator)
    return separator.join(made)


def menu(text: str, rng: random.Random, tokenise: Tokenise) -> str:
    """Short runs of words, each on a line of its own: navigation, tables of contents, link lists."""
    words = [w for w in tokenise(text)[0] if w.strip()]
    made, at = [], 0
    while at < len(words):
        size = rng.randint(1, 5)
        made.append("".join(words[at : at + size]).strip("。、"))
        at += size + rng.randint(0, 12)
    rng.shuffle(made)
    return "\n".join(line for line in made if line)


def teasers(text: str, rng: random.Random, tokenise: Tokenise) -> str:
    """Beginnings of sentences, broken off with an ellipsis: result lists and archives of blogs."""
    more = rng.choice(_MORE)
    cut = (s.strip()[: rng.randint(10, 40)] for s in sentences(text))
    return "\n".join(s + more for s in cut if len(s) >= 8)


def template(text: str, rng: random.Random, tokenise: Tokenise) -> str:
    """A few phrases of advertising, repeated with other nouns filled in: doorway pages."""
    nouns = _nouns(text, tokenise)
    phrases = rng.sample(_TEMPLATES, 2)
    made, size = [], 0
    while len(nouns) > 1 and size < len(text):
        a, b = rng.choices(nouns, k=2)
        made.append(rng.choice(phrases).format(a=a, b=b))
        size += len(made[-1])
    return rng.choice(("", "\n")).join(made)


def wrong_particles(text: str, rng: random.Random, tokenise: Tokenise) -> str:
    """Half of the particles in each other's places: Japanese that was put together without knowing it.

    They are exchanged among themselves, so that no particle is more frequent than in the text: else counting them would do.
    """
    words, parts = tokenise(text)
    places = [i for i, part in enumerate(parts) if part == "助詞"]
    places = rng.sample(places, -(-len(places) // 2))
    for place, word in zip(places, rng.sample([words[i] for i in places], len(places)), strict=True):
        words[place] = word
    return "".join(words)


def mojibake(text: str, rng: random.Random, tokenise: Tokenise) -> str:
    """Half of the lines read in a wrong encoding (UTF-8 as cp932, or cp932 as Latin-1): 邊ｾ邀ｳ."""
    wrong = rng.choice((("utf-8", "cp932"), ("cp932", "latin-1")))
    lines = text.split("\n")
    return "\n".join(
        line.encode(wrong[0], "ignore").decode(wrong[1], "replace") if rng.random() < 0.5 or len(lines) < 3 else line
        for line in lines
    )


KINDS: dict[str, Callable[[str, random.Random, Tokenise], str]] = {
    f.__name__: f for f in (shuffled_words, keyword_list, menu, teasers, template, wrong_particles, mojibake)
}
"""Every kind of damage by the name that recipes use."""


def damaged(text: str, kinds: Sequence[str], seed: str, tokenise: Tokenise) -> tuple[str, str]:
    """(kind, text): one of the kinds, drawn by `seed`, done to the text; the text is "" where there was nothing to make it of.

    The same seed gives the same text, whatever else is made. Raises KeyError for a kind that does not exist.
    """
    rng = random.Random(seed)
    kind = rng.choice(list(kinds))
    return kind, KINDS[kind](text, rng, tokenise)


def sentences(text: str) -> list[str]:
    """Sentences with their ends, and runs of line breaks, which together are the text.

    >>> sentences("米を研ぐ。水を切る！\\n\\n炊く")
    ['米を研ぐ。', '水を切る！', '\\n\\n', '炊く']
    """
    return _SENTENCE.findall(text)


def _nouns(text: str, tokenise: Tokenise) -> list[str]:
    words, parts = tokenise(text)
    return [word for word, part in zip(words, parts, strict=True) if part == "名詞" and word.strip()]
