"""The Japanese AI guidelines for business (AI事業者ガイドライン 第1.1版, 2025 年 3 月), as far as they are about training data.

Part 3, what a developer is to heed when data are prepared and models trained. Most of it is about organisations and models: only
the points are here to which a data set has an answer, under their own numbers.
"""

from recipes.engine.report.funnel import share_words
from recipes.engine.report.public.eu_template import excluded, personal, removed, reservations
from recipes.engine.report.public.facts import Facts
from recipes.engine.report.public.tables import Field, Group, Part, both, listed, pages
from recipes.engine.wording import Words

_ORGANISATION = Words("組織の体制であり、データからは分からない", "a matter of the organisation that data do not show")


def guidelines(facts: Facts) -> Part:
    """The table."""
    return Part(
        "ai_guidelines_for_business",
        Words("日本：AI 事業者ガイドライン", "Japan: AI guidelines for business"),
        Words(
            "第 1.1 版（2025 年 3 月）第 3 部「AI 開発者に関する事項」のうち、学習データで答えられる項目。",
            "Version 1.1 (March 2025), Part 3 on AI developers: the points that training data have an answer to.",
        ),
        [
            Group(Words("データ前処理・学習時", "Preparing data and training"), [*_proper(facts), *_bias(facts)]),
            Group(Words("検証可能性と情報提供", "Verifiability and information"), _verifiable(facts)),
        ],
    )


def _proper(facts: Facts) -> list[Field]:
    basis = listed(
        [
            Words(f"{s.name}：{s.rights_basis or '不明'}", f"{s.name}: {s.rights_basis or 'unknown'}")
            for s in facts.sources
        ]
    )
    return [
        Field("D-2) i", Words("適正な収集：利用の根拠", "proper collection: basis of use"), basis),
        Field("D-2) i", Words("知的財産：ライセンス", "intellectual property: licences"), _licences(facts)),
        Field("D-2) i", Words("知的財産：利用拒否の尊重", "intellectual property: opt-outs"), reservations(facts)),
        Field("D-2) i", Words("第三者の個人情報", "personal data of third parties"), personal(facts)),
        Field("D-2) i", Words("削除の求めへの対応", "requests for removal"), removed(facts)),
        Field("D-2) i", Words("データへのアクセス管理", "control of access to data"), None, _ORGANISATION),
    ]


def _licences(facts: Facts) -> Words:
    declared = [
        Words(f"{name} {pages(rows).ja}（ソースの宣言）", f"{name}: {pages(rows).en} (declared for the source)")
        for name, rows in facts.licences.declared
    ]
    linked = [
        Words(f"{name} {pages(rows).ja}（ページ自身のリンク）", f"{name}: {pages(rows).en} (the page's own link)")
        for name, rows in facts.licences.linked[:6]
    ]
    unknown = (
        [Words(f"不明 {pages(facts.licences.unknown).ja}", f"unknown: {pages(facts.licences.unknown).en}")]
        if facts.licences.unknown
        else []
    )
    return listed([*declared, *linked, *unknown], "；", "; ")


def _bias(facts: Facts) -> list[Field]:
    top = facts.hosts[0] if facts.hosts else None
    share = top.chars / facts.chars if top is not None and facts.chars else None
    concentrated = None
    if top is not None and share is not None:
        ja = f"{len(facts.hosts):,} ホスト。最大は {top.name} で文字数の {share_words(share)}"
        concentrated = Words(
            ja, f"{len(facts.hosts):,} hosts; the largest, {top.name}, has {share_words(share)} of the characters"
        )
    spoken = None
    if facts.languages and facts.pages:
        spoken = listed(
            [
                Words(f"{w.ja} {share_words(n / facts.pages)}", f"{w.en} {share_words(n / facts.pages)}")
                for w, n in facts.languages[:5]
            ]
        )
    return [
        Field("D-3) i", Words("偏り：出所の集中", "bias: concentration of origins"), concentrated),
        Field("D-3) i", Words("偏り：言語", "bias: languages"), spoken),
        Field(
            "D-3) i", Words("偏り：人の属性", "bias: attributes of people"), None, Words("測っていない", "not measured")
        ),
    ]


def _verifiable(facts: Facts) -> list[Field]:
    used = (
        listed([Words(f"{m.name}（{m.part.ja}）", f"{m.name} ({m.part.en})") for m in facts.models])
        if facts.models
        else Words("なし", "none")
    )
    content = f"SHA-256 sum {facts.content[:16]}…" if facts.content else None
    return [
        Field(
            "D-6) i",
            Words("検証可能性", "verifiability"),
            Words(
                f"公開した行の内容ハッシュ {content}。`{facts.verify}` が別のコードで数え直す",
                f"content hash of the released rows {content}; `{facts.verify}` counts again by code of its own",
            )
            if content
            else None,
        ),
        Field("D-6) ii", Words("使ったモデル", "models used"), used),
        Field("D-6) ii", Words("評価データの除外", "benchmarks kept out"), excluded(facts)),
        Field("D-6) ii", Words("目的", "purpose"), both(facts.purpose) if facts.purpose else None),
        Field(
            "D-7) ii",
            Words("開発関連情報の文書化", "documentation"),
            Words(
                "recipe.yaml、run.json、各段のマニフェスト、report.html（すべて実行が書く）",
                "recipe.yaml, run.json, a manifest for every stage, report.html, all written by the run",
            ),
        ),
    ]
