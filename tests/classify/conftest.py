"""Small fastText models, trained in the tests by the library itself, and texts to try them on."""

import random
from pathlib import Path
from typing import Any

import pytest

from curation.classify.scorers import words_line

GOOD = (
    "精米とは、玄米から糠を取り除くことである。",
    "米の表面を削ると、白い胚乳が現れる。",
    "水加減は、米の種類と季節によって変える。",
    "炊く前に三十分ほど水に浸しておくとよい。",
)
BAD = ("激安お米通販 送料無料 ポイント", "今すぐクリック！ ランキング 口コミ", "お米 人気 おすすめ 比較 最安値")


def labelled(n: int, seed: int = 0) -> list[tuple[str, str]]:
    """(label, text): prose and advertising, mixed with rare and foreign characters."""
    rng = random.Random(seed)
    made = []
    for _ in range(n):
        label, stock = rng.choice((("good", GOOD), ("bad", BAD)))
        extra = "".join(rng.choices("𠮟🍚ﾊ가я\u3000ab1。", k=3))
        made.append((label, "\n".join(rng.choices(stock, k=rng.randint(1, 4))) + extra))
    return made


def fitted(path: Path, rows: list[tuple[str, str]], quantize: dict[str, Any] | None = None, **options: Any) -> Path:
    """A model over characters in `path`; `quantize` makes a .ftz of it."""
    import fasttext

    text = path.with_suffix(".txt")
    text.write_text("".join(f"__label__{label} {words_line(t, 'characters', '␤')}\n" for label, t in rows))
    options = {"dim": 6, "wordNgrams": 3, "bucket": 5000, "epoch": 3, "lr": 0.5, "thread": 1, "verbose": 0} | options
    model = fasttext.train_supervised(str(text), **options)
    if quantize is not None:
        model.quantize(input=str(text), **quantize)
    model.save_model(str(path))
    return path


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plain model with a softmax over two labels and n-grams of three."""
    return fitted(tmp_path_factory.mktemp("model") / "plain.bin", labelled(200))


@pytest.fixture(scope="session")
def odd_texts() -> list[str]:
    """Texts of every shape: random characters of one to four bytes, white space of all sorts, fastText's own marks."""
    rng = random.Random(1)
    letters = "abz ZÄß .,-_19\t\nあア漢字가я中ﾊ𠮟🍚\u3000\r\v\f\0␤</s>精米とは。"
    texts = ["".join(rng.choices(letters, k=rng.randrange(1, 400))) for _ in range(300)]
    return [*texts, "", " ", "\n", "あ", "𠮟", "__label__good", "</s>", "a" * 5000, *GOOD, *BAD]


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Encoders: a classifier and a regression of BERT's kind, a classifier of ModernBERT's."""
    from tests.classify.tiny_encoder import encoder

    folder = tmp_path_factory.mktemp("encoders")
    return {
        "classes": encoder(folder / "classes", 3),
        "modern": encoder(folder / "modern", 3, kind="modernbert"),
        "regression": encoder(folder / "regression", 1, seed=3),
    }
