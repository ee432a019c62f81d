"""The report of a run: one self-contained HTML file in Japanese and English that explains every page kept and every page dropped.

For a data lead who must defend a corpus: what came in, what each step took and why, where the thresholds cut, which hosts and
rights stand behind it, how often a text will be shown. Everything is read again from the run's shards and manifests:

    fates.py            every row with its fate, a few columns at a time, sampled on a big run and weighted back
    funnel.py           what each step took         distributions.py   values beside thresholds
    release_counts.py   characters, hosts, signals  decoding.py        encodings and languages
    scores.py           scores of classifiers       labelled_scores.py against labels
    clusters.py         near-duplicates, showings   boilerplate.py     lines on very many pages
    personal_data.py    what was masked, by type
    benchmarks.py       pages that hold evaluation items                 benchmarks.html
    page_samples.py     pages to look at, masked unless asked
    generated.py        instruction data made from the pages
    juries.py           judges: verdicts, leans, agreement               juries.html
    preference.py       preference pairs: length and form, side by side   pairs.html
    svg.py              drawing                     findings.py        titles that say what was found
    page.html style.css language.js                 the page

The page holds no script but its language switch, and its Content-Security-Policy allows nothing else, so that the text of a
hostile page stays text even if an escape were missed. Page text is in the file only with `samples` (DESIGN rule 10), and personal
data that is found by its form never.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from curation.classify.answers import Answers
from curation.place import Place
from recipes.engine.fetched import fetched
from recipes.engine.report.benchmarks import benchmarks
from recipes.engine.report.boilerplate import boilerplate
from recipes.engine.report.clusters import Clusters, clusters, draw_curve, draw_exposures, draw_sizes
from recipes.engine.report.decoding import COLUMNS as DECODING_COLUMNS
from recipes.engine.report.decoding import Decoding, decoding, languages
from recipes.engine.report.distributions import (
    Distribution,
    distribution_finding,
    distribution_title,
    distributions,
    draw_distribution,
    measured_columns,
)
from recipes.engine.report.fates import Fates, fates
from recipes.engine.report.findings import EVIDENCE, REPLACED_WORDS, Findings, language_words
from recipes.engine.report.frame import framed
from recipes.engine.report.funnel import Funnel, funnel, share_words
from recipes.engine.report.funnel_figure import draw_funnel
from recipes.engine.report.generated import generated
from recipes.engine.report.juries import LEANS, juries
from recipes.engine.report.labelled_scores import labelled_scores
from recipes.engine.report.page_samples import PageSamples, page_samples, without_personal_data
from recipes.engine.report.personal_data import personal_data
from recipes.engine.report.preference import paired
from recipes.engine.report.release_counts import ALWAYS_SHOWN, SIGNALS, ReleaseCounts, release_counts
from recipes.engine.report.score_figures import score_section
from recipes.engine.report.scores import BESIDE, score_names, scores
from recipes.engine.run_folder import Run, open_run
from recipes.engine.run_rules import RunRules, run_rules
from recipes.engine.wording import Words, masked, number, reason_words

HERE = Path(__file__).parent
HOSTS, LANGUAGES, ENCODINGS = 25, 12, 8


def write_report(folder: str, samples: bool = False, labels: Answers | None = None) -> str:
    """Writes report.html into the run's folder and returns its path.

    `folder` is a run's version, or the folder of its versions (the newest is taken). With `samples` the file shows text of
    twenty released pages and of twenty rejected pages a reason; with `labels` precision and recall of each score against them.
    Raises RecipeError when there is no finished run or labels say nothing, ShardError when the released shards are gone.
    """
    run = open_run(folder)
    Place(run.place.url).write_bytes("report.html", render(run, samples, labels).encode("utf-8", "replace"))
    return f"{run.place.url.rstrip('/')}/report.html"


def render(run: Run, samples: bool = False, labels: Answers | None = None) -> str:
    """The report of a run as HTML."""
    shown: dict[str, Any] = {
        "n": lambda value: f"{round(value):,}",
        "num": number,
        "share": share_words,
        "big": _big,
        "bytes": _bytes,
    }
    return framed(HERE, "page.html", shown | contents(run, samples, labels))


def contents(run: Run, samples: bool, labels: Answers | None = None) -> dict[str, Any]:
    """Everything that the page shows, by the names that it uses."""
    names, rules = score_names(run), run_rules(run)
    against = labelled_scores(run, labels, names, Path())[0] if labels is not None else None
    tree, counts = funnel(run, rules), release_counts(run)
    rows = fates(run, list(dict.fromkeys([*DECODING_COLUMNS, *names, *BESIDE, *measured_columns(rules.rules)])))
    scored = scores(rows, names, rules.rules, against)
    removed = {(loss.stage, loss.step, loss.reason): loss.rows for loss in tree.losses}
    drawn = distributions(
        rows, rules.rules, {r.reason: removed.get((r.stage, r.step, r.reason), 0) for r in rules.rules}
    )
    decoded, grouped = decoding(rows), clusters(run)
    pages = page_samples(run, list(dict.fromkeys(loss.reason for loss in tree.losses)), samples)
    said = Findings(run, rules, tree, counts, rows, drawn, decoded, grouped)
    return {
        "run": run,
        "fetched": fetched(run.manifest(block) for block in run.chain),
        "funnel": tree,
        "counts": counts,
        "clusters": grouped,
        "boilerplate": boilerplate(run),
        "scores": score_section(scored) if scored is not None else None,
        "personal_data": personal_data(run),
        "benchmarks": benchmarks(run, samples),
        "decoding": decoded,
        "samples": pages,
        "titles": said,
        "doubts": said.doubts,
        "tokens": _tokens(counts),
        "figures": _figures(tree, grouped, said),
        "panels": _panels(run, drawn, tree),
        "shown_text": lambda text: without_personal_data(text)[:120] if samples else masked(text),
        "content": run.manifest(run.chain[-1]).get("content"),
        **_decoding_tables(decoded, rows),
        **_host_table(counts, rules),
        **_rights(run, counts),
        **_sample_groups(pages, rules),
        "generated": generated(run, samples),
        "juries": juries(run),
        "lean_words": list(LEANS.values()),
        "paired": paired(run, samples),
        "blocks": [_block(run, block) for block in run.about["blocks"]],
    }


def _tokens(counts: ReleaseCounts) -> str:
    """Tokens as they were counted, or a range that the characters suggest."""
    if counts.tokens is not None:
        return _big(counts.tokens)
    return "–" if not counts.chars else f"{_big(counts.chars / 2.2)}–{_big(counts.chars / 1.5)}"


def _figures(tree: Funnel, grouped: Clusters | None, said: Findings) -> dict[str, Any]:
    figures: dict[str, Any] = {
        "funnel": draw_funnel(tree, said.funnel),
        "funnel_narrow": draw_funnel(tree, said.funnel, narrow=True),
    }
    if grouped is not None:
        figures |= {"sizes": draw_sizes(grouped), "exposures": draw_exposures(grouped), "curve": draw_curve(grouped)}
    return figures


def _panels(run: Run, drawn: list[Distribution], tree: Funnel) -> list[dict[str, Any]]:
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for data in drawn:
        key = data.rule.reason.partition(".")[0], data.rule.stage, data.rule.step
        panel = {
            "title": distribution_title(data),
            "finding": distribution_finding(data, tree.rows_in),
            "figure": draw_distribution(data),
        }
        groups.setdefault(key, []).append(panel)
    return [{"title": p, "where": f"{stage} › {step}", "panels": found} for (p, stage, step), found in groups.items()]


def _decoding_tables(decoded: Decoding, rows: Fates) -> dict[str, Any]:
    used = _frequent(_sum(decoded.pairs, 1))
    declared = _frequent(_sum(decoded.pairs, 0))
    matrix = [
        {"declared": d[:40], "cells": [{"rows": decoded.pairs.get((d, u), 0), "same": d == u} for u in used]}
        for d in declared
    ]
    spoken = languages(rows)
    most = max((n for _, n, _ in spoken), default=1)
    return {
        "matrix": {"used": used, "rows": matrix},
        "evidence": [
            {"words": EVIDENCE.get(name, Words(name, name)), "rows": n} for name, n in decoded.evidence.items()
        ],
        "replaced": [{"words": w, "rows": n} for w, n in zip(REPLACED_WORDS, decoded.replaced, strict=True)],
        "languages": [
            {
                "words": language_words(code),
                "rows": n,
                "kept": kept,
                "kept_width": 100 * kept / most,
                "lost_width": 100 * (n - kept) / most,
            }
            for code, n, kept in spoken[:LANGUAGES]
        ],
    }


def _sum(pairs: dict[tuple[str, str], float], at: int) -> dict[str, float]:
    sums: dict[str, float] = {}
    for pair, rows in pairs.items():
        sums[pair[at]] = sums.get(pair[at], 0.0) + rows
    return sums


def _frequent(rows: dict[str, float]) -> list[str]:
    return sorted(rows, key=lambda name: -rows[name])[:ENCODINGS]


def _host_table(counts: ReleaseCounts, rules: RunRules) -> dict[str, Any]:
    by_reason = rules.by_reason()
    hosts = sorted(counts.hosts.values(), key=lambda h: (-h.pages, h.name))
    rows = []
    for host in hosts[:HOSTS]:
        reason = max(host.reasons, key=lambda r: host.reasons[r], default=None)
        words = reason_words(reason, by_reason[reason].rule if reason in by_reason else None) if reason else None
        rows.append(
            {
                "name": host.name,
                "pages": host.pages,
                "kept": host.kept,
                "main": words,
                "main_rows": host.reasons[reason] if reason else 0,
            }
        )
    top = hosts[0].pages if hosts else 1
    return {"hosts": rows, "top_pages": top or 1, "more_hosts": max(0, len(hosts) - HOSTS)}


def _rights(run: Run, counts: ReleaseCounts) -> dict[str, Any]:
    sources = [
        {
            "name": name,
            "rights_basis": source.get("rights_basis"),
            "licence": source.get("licence"),
            "files": len(source.get("files", [])),
            "size": sum(f["size"] for f in source.get("files", [])),
        }
        for name, source in run.about["sources"].items()
    ]
    header, meta = counts.signals["x_robots_tag"], counts.signals["robots_meta"]
    asked = [name for name in SIGNALS if name in ALWAYS_SHOWN or header.get(name) or meta.get(name)]
    signals = [{"name": name, "header": header.get(name, 0), "meta": meta.get(name, 0)} for name in asked]
    return {
        "sources": sources,
        "signals": signals,
        "licence_links": sorted(counts.licences.items(), key=lambda kv: -kv[1])[:8],
    }


def _sample_groups(pages: PageSamples, rules: RunRules) -> dict[str, Any]:
    by_reason = rules.by_reason()
    groups: list[dict[str, Any]] = [{"words": Words("残したページ", "pages kept"), "pages": pages.kept}]
    for reason, found in pages.rejected.items():
        words = reason_words(reason, by_reason[reason].rule if reason in by_reason else None)
        groups.append({"words": words, "pages": found})
    return {"sample_groups": groups}


def _block(run: Run, block: dict[str, Any]) -> dict[str, Any]:
    manifest = run.manifest(block)
    cpu, memory = manifest.get("cpu"), manifest.get("peak_rss_mb")
    return {
        "name": block["name"],
        "rows_in": block["rows_in"],
        "rows_out": block["rows_out"],
        "fingerprint": block["fingerprint"],
        "cpu": "–" if cpu is None else f"{cpu:,.1f}",
        "speed": "–" if not cpu else f"{block['rows_in'] / cpu:,.0f}",
        "memory": "–" if not memory else f"{memory:,} MB",
        "gone": "seconds" not in manifest,
    }


def _big(value: float | None) -> str:
    """A large count in three digits.

    >>> [_big(v) for v in (None, 950, 12_345, 6_543_210, 8.1e9)]
    ['–', '950', '12.3k', '6.54M', '8.1G']
    """
    if value is None:
        return "–"
    sizes: Iterable[tuple[float, str]] = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
    for size, sign in sizes:
        if value >= size:
            return f"{value / size:.3g}{sign}"
    return f"{value:,.0f}"


def _bytes(size: float) -> str:
    return f"{_big(size)}B".replace("kB", " kB").replace("MB", " MB").replace("GB", " GB").replace("TB", " TB")
