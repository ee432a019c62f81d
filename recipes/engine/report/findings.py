"""Titles that say what was found, and the words of small vocabularies (evidence, languages)."""

from dataclasses import dataclass

from curation.dedup.minhash import candidate_probability
from recipes.engine.report.clusters import Clusters
from recipes.engine.report.decoding import REPLACED, Decoding
from recipes.engine.report.distributions import Distribution
from recipes.engine.report.fates import Fates
from recipes.engine.report.funnel import Funnel, share_words
from recipes.engine.report.release_counts import ReleaseCounts
from recipes.engine.run_folder import Run
from recipes.engine.run_rules import RunRules
from recipes.engine.wording import Words, column_words

EVIDENCE = {
    "bom": Words("BOM", "byte order mark"),
    "http": Words("HTTP ヘッダ", "HTTP header"),
    "meta": Words("<meta charset>", "<meta charset>"),
    "xml": Words("XML 宣言", "XML declaration"),
    "escape": Words("エスケープ列（ISO-2022-JP）", "escape sequences (ISO-2022-JP)"),
    "detected": Words("バイト列からの判定", "detected from the bytes"),
    "given": Words("ソースの指定", "given by the source"),
}
"""Values of `encoding_evidence` in words."""

REPLACED_WORDS = [
    Words("なし", "none")
    if high == 0
    else Words(f"{low} 字以上", f"{low} or more")
    if high is None
    else Words(f"{low}–{high} 字", f"{low}–{high}")
    for low, high in REPLACED
]
"""Classes of replaced characters in words."""

_LANGUAGES = {
    "ja": ("日本語", "Japanese"),
    "en": ("英語", "English"),
    "zh": ("中国語", "Chinese"),
    "ko": ("韓国語", "Korean"),
    "fr": ("フランス語", "French"),
    "de": ("ドイツ語", "German"),
    "es": ("スペイン語", "Spanish"),
    "pt": ("ポルトガル語", "Portuguese"),
    "ru": ("ロシア語", "Russian"),
    "tr": ("トルコ語", "Turkish"),
    "it": ("イタリア語", "Italian"),
    "th": ("タイ語", "Thai"),
    "vi": ("ベトナム語", "Vietnamese"),
    "id": ("インドネシア語", "Indonesian"),
}


def language_words(code: str) -> Words:
    """A language by its code.

    >>> language_words("ja"), language_words("xx")
    (Words(ja='日本語', en='Japanese'), Words(ja='xx', en='xx'))
    """
    return Words(*_LANGUAGES.get(code, (code, code)))


@dataclass
class Findings:
    """The titles of a report, each a sentence with its figure."""

    run: Run
    rules: RunRules
    tree: Funnel
    counts: ReleaseCounts
    rows: Fates
    drawn: list[Distribution]
    decoded: Decoding
    grouped: Clusters | None

    @property
    def doubts(self) -> list[Words]:
        """What the reader must know before believing the figures."""
        found = [Words(d, d) for d in self.rules.doubts]
        if self.rows.missing:
            names = ", ".join(self.rows.missing)
            found.append(
                Words(
                    f"{names} の行は削除済みで、分布とページの例には含まれない（件数はマニフェストによる）。",
                    f"The rows of {names} were deleted since: distributions and pages lack them (counts are the manifests').",
                )
            )
        if files := self.run.about.get("unreadable", []):
            names = ", ".join(name for name, _ in files[:5]) + (" …" if len(files) > 5 else "")
            found.append(
                Words(
                    f"1 ページも読めなかった入力ファイルが {len(files):,} 件ある：{names}",
                    f"{len(files):,} input files gave no page: {names}",
                )
            )
        return found

    @property
    def funnel(self) -> Words:
        """The largest loss."""
        losses = self.tree.losses
        if not losses:
            return Words("除いたページはない", "No page was rejected")
        most = max(losses, key=lambda loss: loss.rows)
        share = share_words(self.tree.share(most.rows))
        return Words(
            f"最も多く除いた理由は「{most.words.ja}」（{share}）", f"Most were lost because: {most.words.en} ({share})"
        )

    @property
    def rules_title(self) -> Words:
        """The rule that removed most."""
        worst = max(self.drawn, key=lambda d: d.removed)
        total = sum(loss.rows for loss in self.tree.losses if loss.reason in self.rules.by_reason())
        if not worst.removed:
            return Words("閾値で除いたページはない", "No threshold rejected a page")
        label = column_words(worst.test.column)
        return Words(
            f"閾値が除いたのは {total:,} ページ。最も効いたのは「{label.ja}」（{worst.removed:,}）",
            f"Thresholds rejected {total:,} pages, most of them by {label.en} ({worst.removed:,})",
        )

    @property
    def sampling(self) -> Words:
        """What the figures over columns were drawn from."""
        drawn, total = len(self.rows.table), self.rows.rows
        if not self.rows.sampled:
            return Words(
                f"全 {total:,} 行のうち、その値を測った行による。",
                f"From those of all {total:,} rows that have the value.",
            )
        return Words(
            f"{total:,} 行のうち {drawn:,} 行の標本による推定。理由ごとの件数はマニフェストに合わせて重みを付けた。",
            f"Estimated from a sample of {drawn:,} of {total:,} rows, each reason weighted to its count in the manifests.",
        )

    @property
    def decoding(self) -> Words:
        """How far the servers' declarations can be trusted."""
        wrong = self.decoded.contradicted + self.decoded.undeclared
        share = share_words(wrong / self.decoded.pages if self.decoded.pages else 0)
        if not wrong:
            return Words("宣言された文字コードはすべて正しかった", "Every declared encoding was right")
        return Words(
            f"HTTP ヘッダだけでは {share} のページの文字コードがわからなかった",
            f"For {share} of pages the HTTP header alone did not tell the encoding",
        )

    @property
    def hosts(self) -> Words:
        """How concentrated the released pages are."""
        kept = sorted((h.kept for h in self.counts.hosts.values()), reverse=True)
        total = sum(kept)
        if not total:
            return Words("残したページのあるホストはない", "No host has a page kept")
        few = min(len(kept), 3)
        share = share_words(sum(kept[:few]) / total)
        return Words(
            f"上位 {few} ホストが残したページの {share} を占める",
            f"The top {few} host{'s hold' if few > 1 else ' holds'} {share} of the pages kept",
        )

    @property
    def clusters(self) -> Words:
        """How much of what came in is near-duplicate."""
        assert self.grouped is not None
        total, members = self.grouped.total, self.grouped.members
        if not total:
            return Words("近重複の一覧は残っていない", "The table of clusters is gone")
        share = share_words(members / total)
        return Words(f"{share} のページに近重複がある", f"{share} of pages have a near-duplicate")

    @property
    def cap(self) -> Words:
        """The allowance, what was shown most, and what the bands can find."""
        assert self.grouped is not None
        found = self.grouped
        at = share_words(candidate_probability(found.threshold, found.bands, found.rows))
        ja = f"Jaccard {found.threshold:g} の組を {at} の確率で見つけ、見つけた組はすべて正確な Jaccard で確かめた。"
        en = f"A pair of Jaccard {found.threshold:g} is found with probability {at}; every pair found was verified exactly."
        if found.k and found.exposures:
            most = max(found.exposures)
            ok = Words("上限以内", "within it") if most <= found.k else Words("上限を超えている", "ABOVE IT")
            ja += f"1 エポックでの提示は最大 {most} 回、上限 K = {found.k}（{ok.ja}）。"
            en += f" A cluster is shown at most {most}× in one pass; the allowance is K = {found.k} ({ok.en})."
        return Words(ja, en)

    @property
    def search(self) -> Words | None:
        """What the search for near-duplicates looked at, and how many texts it could not compare with all of their bucket."""
        met = self.grouped.search if self.grouped is not None else {}
        if not met:
            return None
        texts, looked, compared, edges = (
            met.get(name, 0) for name in ("texts", "pairs_in_bands", "pairs_compared", "pairs_verified")
        )
        crowded, read = met.get("crowded_nodes", 0), met.get("text_bytes_read", 0) / 1e6
        ja = f"異なるテキスト {texts:,}、帯を共有する組 {looked:,}、正確に比べた組 {compared:,}、近重複の組 {edges:,}。"
        ja += f"比較のために本文 {read:,.1f} MB を読んだ。"
        ja += f"混み合ったバケットで上位だけと比べたテキストは（帯ごとに数えて）{crowded:,}。"
        en = f"{texts:,} distinct texts; {looked:,} pairs share a band, {compared:,} were compared exactly, "
        en += f"{edges:,} are near-duplicates. {read:,.1f} MB of text were read for it. "
        en += f"In crowded buckets {crowded:,} texts (counted once a band) were "
        en += "compared with the best-ranked only."
        return Words(ja, en)

    @property
    def rights(self) -> Words:
        """Whether released pages carry opt-out signals."""
        header, meta = self.counts.signals["x_robots_tag"], self.counts.signals["robots_meta"]
        against, quiet = (round(header.get(said, 0) + meta.get(said, 0)) for said in ("noai", "noindex"))
        if not against and not quiet:
            return Words("残したページに noai・noindex の指示はない", "No page kept says noai or noindex")
        return Words(
            f"残したページに noai の指示が {against:,} 件、noindex の指示が {quiet:,} 件ある",
            f"Pages kept carry {against:,} noai and {quiet:,} noindex directives",
        )

    @property
    def facts(self) -> Words:
        """What it cost."""
        cpu = sum(self.run.manifest(b).get("cpu") or 0.0 for b in self.run.chain)
        if not cpu:
            return Words("実行の記録", "The run")
        speed, spent = f"{self.tree.rows_in / cpu:,.0f}", f"{cpu:,.{0 if cpu >= 10 else 1}f}"
        return Words(f"{spent} CPU 秒（1 CPU 秒に {speed} レコード）", f"{spent} CPU seconds, {speed} records each")
