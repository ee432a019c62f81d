"""句読点: one pair a page, 、。 where ，． has the majority.

Scientific and government pages write ，． or ，。 (公用文 until 2022), most others 、。. A model that sees both writes either
at random. As Swallow does it (swallow-corpus `kutoten.py`; Okazaki et al. 2024, section 3): ， and ． vote apart, each against
its own twin, counted only straight after a Japanese letter or a closing bracket; a tie changes nothing; and what follows a
full-width letter or digit is spared (Ｈｉ，　３．１４).

Where it differs, on purpose: a whole run is spared, not only its first mark (Ａ．．．); marks at the head of the text are
replaced too; ^ is not spared (a slip in the original's character class); and numbers in ASCII digits are spared, since NFKC
may have run before: 3，000 is, and a numbered heading 1．はじめに, while a sentence that ends in a number at the end of its
line (全部で10．) is not.
"""

import re

from curation.normalise.text_column import text_array, text_views
from curation.step import Batch, Columns, Measure

_AFTER = "[）」』］〕】〉》\u3041-\u3096\u30a1-\u30fa々〇〻\u3400-\u9fff\uf900-\ufaff]"
_VOTES = {mark: re.compile(_AFTER + mark) for mark in "、，。．"}
_TOTEN = re.compile(r"(?<![０-９Ａ-Ｚａ-ｚ，])(?!(?<=[0-9])，[0-9])，+")
_KUTEN = re.compile(r"(?<![０-９Ａ-Ｚａ-ｚ．])(?!(?<=[0-9])．+[^．\n])．+")


def kutoten(text: str) -> str:
    """Text with ， made 、 and ． made 。 where each is in the majority.

    >>> kutoten("この文章の句点，読点を修正します．"), kutoten("これは、普通の文，です。")
    ('この文章の句点、読点を修正します。', 'これは、普通の文，です。')
    >>> kutoten("円周率は３．１４と習いました，１．はじめに．"), kutoten("1．はじめに　全部で3，000円，税込．")
    ('円周率は３．１４と習いました、１．はじめに。', '1．はじめに\u3000全部で3，000円、税込。')
    >>> kutoten("お待ちください．．．"), kutoten("")
    ('お待ちください。。。', '')
    """
    votes = {mark: len(pattern.findall(text)) for mark, pattern in _VOTES.items()}
    if votes["，"] > votes["、"]:
        text = _TOTEN.sub(lambda run: "、" * len(run[0]), text)
    if votes["．"] > votes["。"]:
        text = _KUTEN.sub(lambda run: "。" * len(run[0]), text)
    return text


class Kutoten(Measure):
    """Rewrites ，． in `text` to 、。 on pages where they are in the majority; each of the two is decided by itself."""

    reads, writes = ("text",), ("text",)

    def setup(self) -> None:
        from curation.normalise import kutoten_kernel  # noqa: F401  (compiles, once per worker)

    def columns(self, batch: Batch) -> Columns:
        from curation.normalise.kutoten_kernel import replaced, rows_to_change

        column = batch.column("text")
        data, offsets = text_views(column)
        rows = rows_to_change(data, offsets)
        if not rows.any():
            return {"text": column}
        return {"text": text_array(replaced(data, offsets, rows), offsets - offsets[0], column)}
