"""Two counts of HojiChar: signs of bulletin boards and shops, and advertising words.

Both are regular expressions over the whole text, run by polars' engine (Rust), which like Python's takes the leftmost match and, of
several there, the first alternative. Source: HojiChar 0.18.1 DiscardBBSComments, DiscardAds and `dict/advertisement_keywords_ja.txt`
(Apache-2.0).
"""

import re

import pyarrow as pa

from curation.step import Batch, Columns, Measure

BBS = (
    r"\d{4}[年.\-/] *\d{1,2}[月.\-/] *\d{1,2}日*"
    r"|コメント|SOLD OUT|レビュー|投稿|ページ|\([月火水木金土日]\)|質問|\d+話|楽天市場|-"
)
"""A date, a word of boards and shops, a weekday in brackets, 12話, or any hyphen (so ISBNs and English look like boards)."""

ADVERTISING = (
    *(
        "お問い合わせください",
        "にお任せください",
        "現在公開中",
        "営業時間",
        "求人情報",
        "送料",
        "製品のアップグレード",
        "別途料金",
    ),
    *(
        "研修制度",
        "ご応募",
        "求める人物",
        "未経験歓迎",
        "応募資格",
        "勤務期間",
        "勤務地",
        "試聴する",
        "セット内容",
        "製品構成",
    ),
    *("よくある質問", "①", "②", "③", "④", "⑤", "⑥", "無効な値", "商品データ", "クリックして応援", "ほしい物リスト"),
    *("注文はお早めに", "■"),
)
"""HojiChar's advertising words, in its order; circled digits and ■ are among them."""

_PATTERNS = {"hojichar_bbs_matches": BBS, "hojichar_ad_matches": "|".join(map(re.escape, ADVERTISING))}


class Keywords(Measure):
    """Writes `hojichar_bbs_matches` and `hojichar_ad_matches`. Parameters: none."""

    reads, writes = ("text",), tuple(_PATTERNS)

    def columns(self, batch: Batch) -> Columns:
        import polars as pl

        text = pl.Series(batch.column("text"))
        return {
            name: text.str.count_matches(pattern).to_arrow().cast(pa.int32()) for name, pattern in _PATTERNS.items()
        }


def matches(text: str, name: str) -> int:
    """The count of one column in plain Python: the reference.

    >>> matches("2026年11月22日 投稿 (日) ISBN 4-00-310101-4", "hojichar_bbs_matches")
    6
    >>> matches("①送料無料 ②お問い合わせください", "hojichar_ad_matches")
    4
    """
    return len(re.findall(_PATTERNS[name], text))
