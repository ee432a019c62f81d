"""The EU's template for the public summary of training content (AI Act, Article 53(1)(d); Commission, 24 July 2025), field by field.

A summary is about a model, a run is about data: what only the model's provider knows stands there as unknown. Sizes are given in the
template's ranges, hosts as its tenth by size of content (2.3).
"""

from recipes.engine.report.funnel import share_words
from recipes.engine.report.public.facts import Facts, HostSize, SourceFact
from recipes.engine.report.public.tables import Field, Group, Part, both, listed, pages
from recipes.engine.wording import Words

_PROVIDER = Words("モデルの提供者だけが知る", "only the model's provider knows")
ROBOTS_UNSEEN = Words("robots.txt は見ていない", "robots.txt was not looked at")
_RANGES = (
    (1e9, Words("10 億トークン未満", "less than 1 billion tokens")),
    (1e13, Words("10 億〜10 兆トークン", "1 billion to 10 trillion tokens")),
    (float("inf"), Words("10 兆トークン超", "more than 10 trillion tokens")),
)


def eu_template(facts: Facts) -> Part:
    """The table."""
    return Part(
        "eu_template",
        Words("EU：学習コンテンツの公開要約", "EU: public summary of training content"),
        Words(
            "AI 法第 53 条 1 項 (d) の要約のための欧州委員会のひな形（2025 年 7 月）の項目。この実行が知るものだけを埋めた。",
            "Fields of the Commission's template (July 2025) for the summary that Article 53(1)(d) of the AI Act asks for. "
            "Only what this run knows is filled in.",
        ),
        [
            Group(Words("1 一般情報", "1 General information"), _general(facts)),
            Group(Words("2 データの出所", "2 List of data sources"), _sources(facts)),
            Group(Words("3 データの処理", "3 Data processing"), _processing(facts)),
        ],
    )


def listed_hosts(facts: Facts) -> list[HostSize]:
    """The tenth of the hosts with most content, at least one."""
    return facts.hosts[: -(-len(facts.hosts) // 10)]


def _general(facts: Facts) -> list[Field]:
    return [
        Field("1.1", Words("提供者の名称と連絡先", "provider's name and contact"), None, _PROVIDER),
        Field("1.1", Words("域内代理人", "authorised representative"), None, _PROVIDER),
        Field(
            "1.2",
            Words("モデルの名称と版", "versioned model name"),
            both(facts.model_name) if facts.model_name else None,
            _PROVIDER,
        ),
        Field("1.2", Words("依拠したモデル", "models it builds on"), None, _PROVIDER),
        Field("1.2", Words("EU 市場への投入日", "date of placement on the Union market"), None, _PROVIDER),
        Field("1.3", Words("モダリティ", "modality"), Words("テキストのみ", "text only")),
        Field("1.3", Words("学習データの規模", "training data size"), _size(facts)),
        Field("1.3", Words("内容の種類", "types of content"), _content(facts)),
        Field(
            "1.3",
            Words("最後のデータ取得日", "latest date of data acquisition"),
            both(facts.last) if facts.last else None,
        ),
        Field("1.3", Words("言語の特徴", "linguistic characteristics"), _languages(facts)),
    ]


def _size(facts: Facts) -> Words | None:
    span = facts.token_range
    if span is None:
        return None
    low, high = (next(words for most, words in _RANGES if tokens < most) for tokens in span)
    words = low if low == high else Words(f"{low.ja}または{high.ja}", f"{low.en} or {high.en}")
    if facts.tokens is not None:
        return Words(f"{words.ja}（{facts.tokens:,} トークン）", f"{words.en} ({facts.tokens:,} tokens)")
    return Words(
        f"{words.ja}（{facts.chars:,} 字からの推定）", f"{words.en} (estimated from {facts.chars:,} characters)"
    )


def _content(facts: Facts) -> Words:
    kinds = [Words("ウェブページの本文", "main text of web pages")] if _crawled(facts) else []
    kinds += [Words("表のテキスト", "texts of tables")] if _tables(facts) else []
    kinds += [Words(f"生成した{g.kind.ja} {g.rows:,} 行", f"{g.rows:,} generated {g.kind.en}") for g in facts.generated]
    said = listed(kinds)
    return Words(f"{said.ja}。ジャンルは分類していない", f"{said.en}. Genres are not classified")


def _languages(facts: Facts) -> Words | None:
    if not facts.languages or not facts.pages:
        return None
    return listed(
        [
            Words(f"{w.ja} {share_words(n / facts.pages)}", f"{w.en} {share_words(n / facts.pages)}")
            for w, n in facts.languages[:8]
        ]
    )


def _crawled(facts: Facts) -> list[SourceFact]:
    return [s for s in facts.sources if s.kind in ("warc", "ranges")]


def _tables(facts: Facts) -> list[SourceFact]:
    return [s for s in facts.sources if s.kind not in ("warc", "ranges")]


def _sources(facts: Facts) -> list[Field]:
    crawls = sorted({crawl for s in facts.sources for crawl in s.crawls})
    public = [Words(f"Common Crawl {c}", f"Common Crawl {c}") for c in crawls]
    imports = [
        Words(
            f"{name}（{said.get('origin')}、{said.get('licence')}）",
            f"{name} ({said.get('origin')}, {said.get('licence')})",
        )
        for g in facts.generated
        for name, said in g.imports.items()
    ]
    unclear = [s for s in facts.sources if s.origin is None]
    tables = [
        Words(f"{s.name}（{s.licence or '不明'}）", f"{s.name} ({s.licence or 'licence unknown'})")
        for s in _tables(facts)
    ]
    return [
        Field(
            "2.1",
            Words("公開データセット", "publicly available datasets"),
            listed([*public, *imports]) if public or imports else None if unclear else Words("なし", "none"),
        ),
        Field(
            "2.1/2.2",
            Words("表のソース（公開か私有かは記録にない）", "tables (whether public or private is not recorded)"),
            listed(tables) if tables else Words("なし", "none"),
        ),
        Field("2.2.1", Words("権利者から許諾を得たデータセット", "datasets licensed by rightsholders"), None),
        Field("2.2.2", Words("第三者から得た私有データセット", "private datasets of other third parties"), None),
        *_crawl_fields(facts),
        Field("2.4", Words("利用者のデータ", "user data"), None, _PROVIDER),
        Field("2.5", Words("合成データ", "synthetic data"), _synthetic(facts)),
        Field(
            "2.6",
            Words("その他のソース", "other sources"),
            Words("レシピのソースは上記がすべて", "the sources above are all that the recipe reads"),
        ),
    ]


def _crawl_fields(facts: Facts) -> list[Field]:
    if not _crawled(facts):
        return [Field("2.3", Words("クロールしたデータ", "crawled data"), Words("なし", "none"))]
    common = any(s.crawls for s in _crawled(facts))
    own = any(not s.crawls for s in _crawled(facts))
    by = Words("CCBot（Common Crawl）", "CCBot (Common Crawl)") if common and not own else None
    period = None
    if facts.months:
        period = both(" – ".join(dict.fromkeys((facts.months[0][0], facts.months[-1][0]))))
    crawled = listed(
        [
            Words(f"{s.name}：{s.what.ja}、{pages(s.rows).ja}", f"{s.name}: {s.what.en}, {pages(s.rows).en}")
            for s in _crawled(facts)
        ]
    )
    top = listed_hosts(facts)
    hosts = None
    if top:
        names = "、".join(h.name for h in top[:10])
        more = (
            Words(f" ほか（全 {len(top):,} 件は public-hosts.csv）", f" … (all {len(top):,} in public-hosts.csv)")
            if len(top) > 10
            else both("")
        )
        hosts = Words(f"{names}{more.ja}", f"{names.replace('、', ', ')}{more.en}")
    return [
        Field("2.3", Words("クローラーの名称", "names of crawlers"), by),
        Field("2.3", Words("クローラーの挙動", "behaviour of crawlers"), None),
        Field("2.3", Words("収集の期間", "period of collection"), period),
        Field("2.3", Words("クロールした内容", "content that was crawled"), crawled),
        Field("2.3", Words("公開した文字数で上位 10% のホスト", "top 10 % of hosts by released characters"), hosts),
    ]


def _synthetic(facts: Facts) -> Words:
    if not facts.generated:
        return Words("なし", "none")
    sets = listed(
        [Words(f"{g.name}：{g.kind.ja} {g.rows:,} 行", f"{g.name}: {g.rows:,} {g.kind.en}") for g in facts.generated]
    )
    wrote = [m for m in facts.models if m.part.en == "writes rows"]
    by = (
        listed([both(f"{m.name} {m.version or ''}".strip()) for m in wrote])
        if wrote
        else Words("なし（プログラムのみ）", "none (programs only)")
    )
    return Words(f"{sets.ja}。書いたモデル：{by.ja}", f"{sets.en}. Models that wrote: {by.en}")


def _processing(facts: Facts) -> list[Field]:
    return [
        Field("3.1", Words("実践規範への署名", "signatory of the Code of Practice"), None, _PROVIDER),
        Field("3.1", Words("権利留保（オプトアウト）の尊重", "respect of rights reservations"), reservations(facts)),
        Field("3.2", Words("違法コンテンツの除去", "removal of illegal content"), _illegal(facts)),
        Field("3.3", Words("個人情報", "personal data"), personal(facts)),
        Field("3.3", Words("評価データの除外", "benchmarks kept out"), excluded(facts)),
        Field("3.3", Words("重複の扱い", "duplicates"), _duplicates(facts)),
        Field("3.3", Words("公開後の削除", "removed after release"), removed(facts)),
    ]


def reservations(facts: Facts) -> Words:
    """What was looked at, and how many pages it took."""
    said = facts.opt_outs
    seen = "、".join(f"{name} {n:,}" for name, n in list(said.still.items())[:6])
    still = (
        Words(f" 残したページにある指示：{seen}。", f" Directives on pages that stay: {seen.replace('、', ', ')}.")
        if seen
        else both("")
    )
    if said.looked is None:
        return Words(
            f"この実行は権利留保を判定していない。{still.ja}",
            f"This run did not decide by rights reservations.{still.en}",
        )
    kinds = ", ".join(said.signals)
    agents = ", ".join(said.looked.get("agents") or ())
    asked = Words(f"robots.txt のエージェント：{agents or 'なし'}", f"agents for robots.txt: {agents or 'none'}")
    by = ROBOTS_UNSEEN if said.robots_unseen else asked
    unknown = said.states.get("unknown", 0)
    return Words(
        f"{pages(said.rejected).ja}を除外（見た信号：{kinds}；{by.ja}）。確認できないまま残したページ {unknown:,}。{still.ja}",
        f"{pages(said.rejected).en} left out (signals: {kinds}; {by.en}). "
        f"Kept although it could not be known: {pages(unknown).en}.{still.en}",
    )


def _illegal(facts: Facts) -> Words:
    if not facts.word_lists and not facts.blocked:
        return Words("この実行は一覧による除外をしていない", "this run took nothing out by lists")
    lists = ", ".join(facts.word_lists) or "–"
    ng, urls = facts.blocked.get("ng_words", 0), facts.blocked.get("url_blocked", 0)
    return Words(
        f"語の一覧（{lists}）で {pages(ng).ja}、URL の一覧で {pages(urls).ja}を除外。違法性そのものは判定していない",
        f"{pages(ng).en} taken out by lists of words ({lists}), {urls:,} by lists of URLs. Illegality itself is not judged",
    )


def personal(facts: Facts) -> Words:
    """How much personal data was masked, by type."""
    if not facts.personal:
        return Words("この実行は個人情報をマスクしていない", "this run did not mask personal data")
    types = [t for one in facts.personal for t in one.types if t.pieces]
    each = listed([Words(f"{t.words.ja} {t.pieces:,}", f"{t.words.en} {t.pieces:,}") for t in types])
    return Words(
        f"{facts.masked:,} 件をマスク（{each.ja or 'なし'}）", f"{facts.masked:,} pieces masked ({each.en or 'none'})"
    )


def excluded(facts: Facts) -> Words:
    """Which benchmarks were kept out."""
    sets = [s for one in facts.benchmarks for s in one.sets]
    if not sets:
        return Words("評価データは指定されていない", "no benchmark was named")
    names = listed([both(f"{s.title or s.name}") for s in sets])
    gone = sum(one.gone for one in facts.benchmarks)
    return Words(f"{names.ja}：{pages(gone).ja}を除外", f"{names.en}: {pages(gone).en} left out")


def _duplicates(facts: Facts) -> Words:
    most = facts.most_shown
    shown = (
        Words(f"。1 ページを示す回数は 1 巡で最多 {most}", f"; a page is shown at most {most} times a pass")
        if most
        else both("")
    )
    return Words(f"{pages(facts.duplicates).ja}を除外{shown.ja}", f"{pages(facts.duplicates).en} left out{shown.en}")


def removed(facts: Facts) -> Words:
    """What was removed after the release."""
    rows = sum(facts.later.sets.values())
    kept_out = facts.later.kept_out
    out = (
        Words(
            f"。削除の求めにより各段で除いた行は延べ {kept_out:,}",
            f"; {pages(kept_out).en} kept out by removal requests",
        )
        if kept_out
        else both("")
    )
    if not rows and not facts.later.withdrawn:
        return Words(f"なし{out.ja}", f"nothing{out.en}")
    back = "、".join(facts.later.withdrawn)
    again = (
        Words(f"。取り下げて作り直した集合：{back}", f"; sets withdrawn: {back.replace('、', ', ')}")
        if back
        else both("")
    )
    return Words(
        f"{rows:,} 行（最後は {facts.later.last}）{again.ja}{out.ja}",
        f"{rows:,} rows (last on {facts.later.last}){again.en}{out.en}",
    )
