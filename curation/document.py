"""One page as a row: every column that a curation step may read or write, explained once.

A step names its columns in `reads` and `writes`; the type and the meaning stand here and nowhere else, so that a recipe can be
checked without data, a shard has an explicit schema, and a reader of a shard finds one page that explains it.
Columns marked transient live only inside one stage (raw bytes, markup) and are never written to a shard.

Reasons are the registered names of faults and of the steps that may reject a row by themselves. A threshold's reasons are named
`preset.rule` by the preset that states them (see `curation/filters/presets`).
"""

from collections.abc import Iterable

import pyarrow as pa

from curation.column import KEY, MINHASH, Column, Reason
from curation.features.columns import FEATURES, count

__all__ = ["COLUMNS", "KEY", "KEY_COLUMNS", "MINHASH", "REASONS", "VERDICT", "Column", "Reason", "schema"]

_ORIGIN = [
    Column("id", KEY, "identity of the row (DESIGN rule 3), 128 bits"),
    Column("source", pa.string(), "name of the source in the recipe"),
    Column("url", pa.large_string(), "WARC-Target-URI, or the table's URL column; null where the input has none"),
    Column("host", pa.string(), "host name of `url`, lower case, no port; null without a URL"),
    Column("date", pa.timestamp("s", tz="UTC"), "WARC-Date: when the page was captured"),
    Column("file", pa.string(), "input file, relative to the part of the input path without wildcards"),
    Column(
        "offset",
        pa.int64(),
        "first byte of the record in `file` (of its member when compressed); for tables the rows or lines before it",
    ),
    Column(
        "length",
        pa.int64(),
        "bytes of the record in `file`, as stored; null for tables and where records share a long member",
    ),
    Column("record_type", pa.string(), "response | resource | conversion (WET text) | row (table)"),
    Column("http_status", pa.int16(), "HTTP status; null for conversion records and tables"),
    Column(
        "mime_declared", pa.string(), "media type of Content-Type, lower case, without parameters; null when missing"
    ),
    Column("charset_declared", pa.string(), "charset parameter of Content-Type as sent; null when missing"),
    Column("mime_identified", pa.string(), "WARC-Identified-Payload-Type, the crawler's own look at the bytes"),
    Column("truncated", pa.string(), "WARC-Truncated (length, time, disconnect, unspecified); null when whole"),
    Column("payload_digest", KEY, "first 128 bits of SHA-256 over the decoded HTTP body (over the text for tables)"),
    Column("payload_bytes", pa.int64(), "length of the decoded HTTP body"),
    Column("x_robots_tag", pa.string(), "X-Robots-Tag headers, joined by ', '"),
    Column("robots_meta", pa.string(), "content of <meta name=robots|googlebot…>, joined by ', '"),
    Column("tdm_header", pa.string(), "TDM-Reservation headers (W3C TDMRep), joined by ', '"),
    Column("tdm_meta", pa.string(), "content of <meta name=tdm-reservation>, joined by ', '"),
    Column(
        "licence_link",
        pa.string(),
        "first rel=license link, or a Creative Commons URL in the page's own licence notice",
    ),
    Column("rights_basis", pa.string(), "why the recipe's owner may use the source, as declared (著作権法30条の4 …)"),
    Column("licence", pa.string(), "SPDX id of the source's licence as declared; null when none is known"),
    Column("opt_out", pa.string(), "reserved | silent | unknown: what the signals say that the step opt_out looked at"),
    Column(
        "rights_evidence", pa.list_(pa.string()), "what was seen of opt-outs and licences, and by which rule it is in"
    ),
    Column("licence_found", pa.string(), "SPDX id that let it leave: its source's, else that of its own licence link"),
    Column("payload", pa.large_binary(), "HTTP body after transfer and content decoding", transient=True),
    Column("html", pa.large_string(), "decoded markup", transient=True),
]

_TEXT = [
    Column("encoding", pa.string(), "Python codec that decoded the body, e.g. cp932, euc_jis_2004, utf-8"),
    Column("encoding_evidence", pa.string(), "what decided it: bom | http | meta | xml | escape | detected | given"),
    Column("replaced_chars", pa.int32(), "U+FFFD inserted while decoding"),
    Column("title", pa.large_string(), "text of <title>; null when there is none"),
    Column("html_lang", pa.string(), "lang attribute of <html>, as written"),
    Column("text", pa.large_string(), "main text; blocks separated by line breaks"),
    Column("extraction", pa.string(), "which mode made `text`: body | main | plain | trafilatura"),
    Column(
        "link_density",
        pa.float32(),
        "letters in links / letters of the body without navigation, in [0, 1]; null for text",
    ),
    Column("edge_lines", pa.list_(pa.uint64()), "hashes of the lines at the page's edges, for site_lines"),
    Column(
        "page_letters", pa.uint64(), "hash of all letters of the page, for site_lines: equal for copies; 0 for none"
    ),
    Column("site_lines_removed", pa.int32(), "lines taken out because they repeat over the site"),
    Column(
        "boilerplate_lines", pa.int32(), "lines that stand on very many pages of many hosts (line_dedup), counted first"
    ),
    Column(
        "boilerplate_char_fraction", pa.float64(), "share of characters (of the normal form) in such lines, in [0, 1]"
    ),
    Column("boilerplate_lines_removed", pa.int32(), "such lines that were taken out of the text"),
]

_LANGUAGE = [
    Column("language", pa.string(), "ISO 639-1 code by fastText lid.176; null for text without letters"),
    Column("language_score", pa.float32(), "its probability, in [0, 1]"),
    Column("kana_ratio", pa.float32(), "kana among non-space characters, in [0, 1]"),
]

_QUALITY = [
    Column(
        f"quality{n}", pa.float32(), f"calibrated score of the {what} quality classifier, in [0, 1]; null without text"
    )
    for n, what in (("", "first"), ("_2", "second"), ("_3", "third"))
]

_RANKS = [
    *(
        Column(f"{c.name}_top", pa.float64(), f"share of all rows whose `{c.name}` is at least as high, in (0, 1]")
        for c in _QUALITY
    ),
    Column("mean_rank", pa.float64(), "mean of the row's ranks by several classifiers, in (0, 1), 1 the best"),
    Column("mean_rank_top", pa.float64(), "share of all rows whose `mean_rank` is at least as high, in (0, 1]"),
    Column("quality_bucket", pa.int16(), "highest of the row's quantile buckets by several classifiers, from 0"),
    Column("quality_group", pa.string(), "name that the recipe gives a range of `quality_bucket` (high … low)"),
]


_MASKED = "email phone postal_code address my_number corporate_number bank_account card passport driving_licence ip person_name"
_PERSONAL_DATA = [  # what each is: docs/personal-data.md
    count(f"masked_{kind}", f"pieces of personal data ({kind}) masked in the text and its title")
    for kind in _MASKED.split()
]

_DEDUP = [
    Column("form_key", KEY, "hash of the normal form (curation/dedup/normal_form.py): equal key = same text"),
    Column("form_chars", pa.int32(), "characters of the normal form; null where `form_key` is"),
    Column("minhash", MINHASH, "MinHash signature over character 5-grams of the normal form"),
    Column("cluster", KEY, "label of the near-duplicate cluster: form key of its kept node"),
    Column("cluster_size", pa.int64(), "rows in the cluster, copies included"),
    Column("cluster_rank", pa.int64(), "place of the row in its cluster, 0 = best-ranked"),
    Column("cluster_examples", pa.list_(KEY), "ids of up to 8 other rows of the cluster, best-ranked first"),
    Column("family", KEY, "connected component of near-duplicate edges, reported only: smallest form key in it"),
    Column(
        "matched",
        KEY,
        "row of an earlier generation that this one is a copy or near-duplicate of; null for what is new",
    ),
    Column("contamination", pa.list_(pa.string()), "evaluation items that it holds some of: `set:item part share`"),
    Column("repeat", pa.int32(), "showings in one pass over the released set, ≥ 1; Σ over a cluster ≤ K"),
]

COLUMNS: dict[str, Column] = {
    c.name: c for c in _ORIGIN + _TEXT + _LANGUAGE + _QUALITY + _RANKS + FEATURES + _PERSONAL_DATA + _DEDUP
}
"""Every column by name, in the order in which shards hold them."""

KEY_COLUMNS = ("id", "source", "url", "host", "date", "file", "offset", "length", "payload_bytes")
"""What the `key` tier keeps of a rejected row."""

VERDICT = (
    Column("stage", pa.string(), "stage of the recipe that rejected the row"),
    Column("step", pa.string(), "step inside that stage"),
    Column("reason", pa.string(), "registered reason, or preset.rule"),
    Column("value", pa.float64(), "measured value that decided; null for reasons without one"),
    Column("threshold", pa.float64(), "bound that it broke; null for reasons without one"),
    Column("detail", pa.string(), "what was found in words, e.g. an encoding, a language, an error"),
    Column("sampled", pa.bool_(), "true in the seeded sample of full rows that every reason keeps"),
)
"""Columns that a rejected row has beside its own."""

REASONS: dict[str, Reason] = {
    r.name: r
    for r in (
        Reason("http_status", "the server did not answer 200", "HTTP ステータスが 200 ではない"),
        Reason("revisit", "a revisit record: the body is in another crawl", "revisit レコード（本文は別のクロールにある）"),
        Reason("record_too_large", "larger than a record may be", "レコードの大きさが上限を超える"),
        Reason("record_broken", "the record or its compression cannot be read", "レコードまたは圧縮が壊れている"),
        Reason(
            "range_missing", "the range ends past its file, or the file is not there", "範囲がファイルの外か、ファイルがない"
        ),
        Reason("empty_body", "the body is empty", "本文が空"),
        Reason("not_text", "the bytes are an image, archive, PDF or program", "画像・書庫・PDF などのバイナリ"),
        Reason(
            "not_japanese_bytes", "no sign of Japanese in the bytes (sniffed before parsing)",
            "バイト列に日本語の兆候がない（解析前の判定）",
        ),
        Reason("decode_failed", "no encoding fits the bytes", "どの文字コードでも復号できない"),
        Reason("no_text", "no main text was found", "本文が見つからない"),
        Reason("too_deep", "elements nested deeper than allowed", "要素の入れ子が上限より深い"),
        Reason("extract_timeout", "extraction hung, also when tried alone", "抽出が単独でも時間内に終わらない"),
        Reason(
            "extract_crash", "the extractor's process died on this page, also when tried alone", "抽出器がこのページで異常終了した"
        ),
        Reason("null_text", "the table's row has no text", "表の行に本文がない"),
        Reason("duplicate_id", "the same record is there already", "同じレコードが既にある"),
        Reason("id_collision", "another record with other content has the same id", "内容の異なるレコードと id が衝突"),
        Reason("url_blocked", "its host or URL is in a list of the recipe", "レシピの URL リストに載っている"),
        Reason("opted_out", "its site or the page reserves this use", "サイトまたはページがこの利用を留保している"),
        Reason("no_open_licence", "no licence that may leave the house", "外に出せるライセンスが確認できない"),
        Reason("ng_words", "holds words of a list of the recipe", "レシピの NG ワードリストの語を含む"),
        Reason("contaminated", "holds an item of an evaluation set", "評価データの項目を含む", tier="full"),
        Reason("nan_value", "a measured value is not a number", "測定値が数値でない"),
        Reason(
            "only_boilerplate", "nothing is left without lines that stand on very many pages of many hosts",
            "多数のホストの多数のページにある行を除くと何も残らない",
        ),
        Reason("near_duplicate", "a near-duplicate of a kept row", "残した行とほぼ同じ内容"),
        Reason("over_cap", "its cluster has used its allowance of K showings", "クラスタの提示上限 K に達した"),
        Reason("over_budget", "the token budget went to showings of more value", "トークン予算がより価値の高い表示で尽きた"),
        Reason(
            "empty_form", "nothing is left of its text in normal form: white space and invisible characters at most",
            "正規形が空（空白・不可視文字のみ）",
        ),
        Reason("forgotten", "it was to be forgotten (a tombstone)", "忘却の対象（墓標）"),
        Reason("filter", "dropped by a datatrove filter between our steps", "datatrove フィルタによる除外", tier="full"),
    )
}  # fmt: skip
"""Every registered reason by name."""


def schema(names: Iterable[str], *, verdict: bool = False) -> pa.Schema:
    """Arrow schema of the named columns in registry order; with `verdict`, of the rejected rows beside them.

    Raises KeyError for a column that is not registered.

    >>> schema(["text", "id"]).names
    ['id', 'text']
    """
    wanted = set(names)
    if unknown := wanted - COLUMNS.keys():
        raise KeyError(f"columns not in curation/document.py: {', '.join(sorted(unknown))}")
    fields = [pa.field(c.name, c.type, metadata={"meaning": c.meaning}) for c in COLUMNS.values() if c.name in wanted]
    if verdict:
        fields += [pa.field(c.name, c.type, metadata={"meaning": c.meaning}) for c in VERDICT]
    return pa.schema(fields)
