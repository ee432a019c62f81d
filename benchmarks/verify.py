"""The verifiers: how often they are wrong, and how fast they are beside SudachiPy alone.

    uvx nox -s bench -- verify [--quick]

Speed. Answers of 100, 300 and 1,000 characters, cut from chat answers of the development corpus (without it, from the manual
pages of the quickstart). With morphemes: four constraints as a prompt has them (and eight, three of which need
morphemes: printed) over one analysis of each answer, against bare SudachiPy (mode C; surface, part of speech and reading of every
morpheme read) on the same answers: CPU time, alternated, median of nine ratios; the figure is the lowest of the three lengths.
How many of the answers our side segmented at all is printed.
Without morphemes: every kind that needs none, one golden spec of each, its own analysis an answer, at 300 characters: answers a
second over all kinds, and the slowest kinds.

Errors. `false_pass`, `false_fail`: constructed answers of every constraint of M-IFEval-ja (satisfying, and minimal violations), and
all goldens. `keitai_*`: labelled sentences (mean accuracy of four labels where the rule decides). `mora_*`: true and false よみ of
modern lines. Each prints its n. Without the development corpus each is measured on what the project holds, and says so.
"""

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import _labelled_sentences
import _m_ifeval_answers
import _yomi
from _corpus import DEV

from synth.verify.answer import Answer
from synth.verify.audit import audit, goldens
from synth.verify.constraint import Constraint, kinds, parse, verify_all
from synth.verify.morphemes import tokeniser
from synth.verify.sentences import sentences_of

ASKED = [
    {"kind": "keitai", "style": "keitai"},
    {"kind": "char_count", "max": 300},
    {"kind": "keyword_include", "keywords": ["米", "水", "方法"], "least": 1},
    {"kind": "sentence_count", "max": 20},
]
"""What a prompt with several constraints asks."""
ALWAYS = [
    {"kind": "style_unity"},
    {"kind": "taigendome_count", "max": 3},
    {"kind": "no_repetition"},
    {"kind": "no_chinese"},
]
"""What is checked beside it where everything is."""
LENGTHS = (100, 300, 1000)


def main() -> None:
    """Prints each figure; the last line is one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--quick", action="store_true", help="fewer answers for the speeds; the errors are always measured whole"
    )
    args = parser.parse_args()
    dev = DEV if (DEV / "truth.tsv").exists() else None
    print(f"{platform.python_version()}, {'with' if dev else 'WITHOUT'} the development corpus")

    ratio, plain = with_morphemes(dev, 60 if args.quick else 400), without_morphemes(dev, 100 if args.quick else 500)
    figures = {"ratio_bare_sudachi": round(ratio, 3), "answers_per_s_plain": round(plain), "kinds": len(kinds())}
    sentences = _labelled_sentences.labelled("hard_list", None) + _labelled_sentences.labelled("referenced", dev)
    styles = _labelled_sentences.graded(sentences)
    print(f"keitai: {len(sentences)} sentences of {len({s for s, _, _ in sentences})} sources: {shown(styles)}")
    later = _labelled_sentences.labelled("after_freeze", dev)
    if later:
        print(
            f"keitai, collected after the rule was frozen: {len(later)} sentences: {shown(_labelled_sentences.graded(later))}"
        )
    figures |= {"keitai_accuracy": round(styles["macro"], 4), "keitai_abstain": round(styles["abstain"], 4)}
    for name in ("modern", "classical"):
        readings = _yomi.measured(name)
        print(f"よみ, {name} lines: {shown(readings)}")
        if name == "modern":
            figures |= {f"mora_{key}": round(readings[key], 4) for key in ("false_pass", "false_fail", "coverage")}
    print(json.dumps(figures | errors(dev)))


def shown(figures: dict[str, float]) -> str:
    """Figures in a line."""
    return ", ".join(f"{name} {value:.4g}" for name, value in figures.items())


def answers(dev: Path | None, characters: int, count: int) -> list[str]:
    """Answers of about this length: whole sentences, never fewer characters than asked, cut there."""
    if dev is not None:
        import gzip

        with gzip.open(dev / "instructions" / "megagon_instruction_ja.dev.jsonl.gz", "rt", encoding="utf-8") as file:
            turns = [
                u["text"] if isinstance(u, dict) else u for row in map(json.loads, file) for u in row["utterances"]
            ]
        pool = [s.text for turn in turns for s in sentences_of(turn)]
    else:
        pool = [
            s.text for page in quickstart_pages() for s in sentences_of(page) if s.closed and "ぁ" <= s.text[-2] <= "ん"
        ]
    made, at = [], 0
    for _ in range(count):
        text = ""
        while len(text) < characters:
            text += pool[at % len(pool)] + ("\n" if at % 7 == 0 else "")
            at += 1
        made.append(text[:characters])
    return made


def quickstart_pages() -> list[str]:
    """Japanese pages of the Apache manual that come with the project, as text."""
    from fastwarc.warc import ArchiveIterator, WarcRecordType
    from resiliparse.extract.html2text import extract_plain_text

    folder = Path(__file__).resolve().parent.parent / "recipes" / "data" / "quickstart"
    with (folder / "apache-manual.warc.gz").open("rb") as stream:
        records = ArchiveIterator(stream, record_types=WarcRecordType.response, parse_http=True)
        return [extract_plain_text(r.reader.read().decode("utf-8", "replace"), main_content=True) for r in records]


def cpu(work: Callable[[], Any]) -> float:
    """CPU seconds of one call."""
    began = time.process_time()
    work()
    return time.process_time() - began


def with_morphemes(dev: Path | None, count: int) -> float:
    """The lowest of the three lengths' median ratio: speed of the typical set over speed of bare SudachiPy."""
    asked, everything = [parse(spec) for spec in ASKED], [parse(spec) for spec in ASKED + ALWAYS]
    lowest = float("inf")
    for characters in LENGTHS:
        texts = answers(dev, characters, max(count * 300 // characters // 3, 20))

        def bare(texts: list[str] = texts) -> None:
            for text in texts:
                for m in tokeniser().tokenize(text):
                    m.surface(), m.part_of_speech(), m.reading_form()

        def ours(specs: list[Constraint], texts: list[str] = texts) -> None:
            for text in texts:
                verify_all(specs, "", text)

        bare(), ours(everything)
        ratios, eights, speeds = [], [], []
        for _ in range(9):
            theirs, mine, eight = cpu(bare), cpu(partial(ours, asked)), cpu(partial(ours, everything))
            ratios.append(theirs / mine)
            eights.append(theirs / eight)
            speeds.append((len(texts) / theirs, len(texts) / mine))
        a_a = cpu(bare) / cpu(bare)
        ratio = statistics.median(ratios)
        bare_speed, our_speed = (statistics.median(side) for side in zip(*speeds, strict=True))
        print(
            f"{characters:5} characters, {len(texts)} answers: SudachiPy {bare_speed:.0f}/s, four verifiers {our_speed:.0f}/s, "
            f"ratio {ratio:.2f} ({min(ratios):.2f}–{max(ratios):.2f}, A/A {a_a:.2f}), "
            f"eight verifiers {statistics.median(eights):.2f}; segmented {sum(segmented(asked, text) for text in texts)}"
        )
        lowest = min(lowest, ratio)
    return lowest


def segmented(specs: list[Constraint], text: str) -> bool:
    """Whether the verifiers asked SudachiPy: an answer of which every sentence ends in a plain です or ます needs no segmentation."""
    answer = Answer(text)
    for spec in specs:
        spec.verify("", answer)
    return "_lists" in vars(answer.morphemes)


def without_morphemes(dev: Path | None, count: int) -> float:
    """Answers a second over every kind that needs no morphemes, each answer analysed anew for each."""
    specs: dict[str, tuple[Constraint, Any]] = {}
    for golden in goldens():
        if not (golden.spec.morphemes or golden.spec.executes or getattr(golden.spec, "check_readings", False)):
            specs.setdefault(golden.spec.kind, (golden.spec, golden.prompt))
    texts = answers(dev, 300, count)
    times = {}
    for kind, (spec, prompt) in specs.items():
        spec.verify(prompt, texts[0])  # what is compiled or loaded once
        times[kind] = min(cpu(lambda s=spec, p=prompt: [s.verify(p, text) for text in texts]) for _ in range(3)) / count
    mean = statistics.mean(times.values())
    slow = sorted(times, key=lambda kind: -times[kind])
    print(f"{len(times)} kinds without morphemes, 300 characters: mean {1 / mean:.0f} answers/s; below 20,000/s:")
    print("   ", ", ".join(f"{kind} {1 / times[kind]:.0f}" for kind in slow if times[kind] > 1 / 20_000) or "none")
    return 1 / mean


def errors(dev: Path | None) -> dict[str, float]:
    """Shares of false passes and false fails over the constructed answers and the goldens."""
    results = audit()
    wrong = [(golden, verdict) for result in results for golden, verdict in result.wrong]
    good = sum(r.passes for r in results)
    bad = sum(r.fails for r in results)
    false_pass = sum(g.wanted == "fail" and v.outcome == "pass" for g, v in wrong)
    false_fail = sum(g.wanted == "pass" and v.outcome == "fail" for g, v in wrong)
    print(f"goldens: {good} pass, {bad} fail, {sum(r.abstains for r in results)} abstain; wrong {len(wrong)}")
    for result in results:
        if result.skipped:
            print(f"    {result.kind} not run here: {result.skipped}")
    if dev is not None:
        made = _m_ifeval_answers.measured(dev / "benchmarks" / "m_ifeval_ja.jsonl")
        print(
            f"M-IFEval-ja: {made['good']} satisfying answers, {made['bad']} minimal violations, {len(made['kinds'])} kinds; "
            f"false fails {len(made['false_fail'])}, false passes {len(made['false_pass'])}, abstentions {len(made['abstain'])}"
        )
        good, bad = good + made["good"], bad + made["bad"]
        false_pass, false_fail = false_pass + len(made["false_pass"]), false_fail + len(made["false_fail"])
    return {"false_pass": round(false_pass / bad, 5), "false_fail": round(false_fail / good, 5)}


if __name__ == "__main__":
    main()
