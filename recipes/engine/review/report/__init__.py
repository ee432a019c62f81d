"""The report of a review: one self-contained HTML file in Japanese and English, from the label shards alone.

For whoever leads a review and answers for its data: how far it has come, who did how much, how far people agree, whether judges agree
with people, and what remains wrong in what is released. It shows no text of a row and no name: people stand under their pseudonyms.

    figures.py    drawing            words.py    tasks, questions and scales in both languages
    page.html     the page, with style and language switch of the run's report (recipes/engine/report)

What remains wrong is told where the run is named, since rows that nobody saw are not in the label shards.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from annotation.agreed import Agreement, agreement
from annotation.calibrate import Share, share
from annotation.errors import ReviewError
from annotation.gold import pass_rates
from annotation.labels import Labels
from annotation.people_and_judge import PeopleAndJudge, people_and_judge
from annotation.progress import Progress, by_person, progress
from annotation.released_errors import Estimated
from annotation.sheets.unit import COLUMNS, units
from annotation.workload import Work, by_day, workload, zone
from recipes.engine.report.frame import framed
from recipes.engine.report.funnel import share_words
from recipes.engine.review.error_rate import estimate
from recipes.engine.review.report.figures import Interval, draw_agreement, draw_days, draw_people, draw_shares
from recipes.engine.review.report.words import SCALES, function_words, question_words, task_words
from recipes.engine.wording import Words

HERE = Path(__file__).parent


class Audit(NamedTuple):
    """From which run and answers the error rate is estimated; see `seimai review error-rate`."""

    run: str
    task: str
    wrong: str
    set_name: str | None
    plan: Path | None


@dataclass(frozen=True)
class Review:
    """Everything that the page shows. gold: share of gold questions that each person answered right; empty where there are none."""

    progress: Sequence[Progress]
    people_by_stratum: Mapping[str, Mapping[tuple[str, str], int]]
    works: Sequence[Work]
    agreement: Sequence[Agreement]
    judge: PeopleAndJudge
    errors: Estimated | None
    gold: Mapping[str, Share]

    @property
    def rows(self) -> int:
        """Rows before people."""
        return sum(one.rows for one in self.progress)

    @property
    def strata(self) -> list[tuple[str, str]]:
        """Every task and stratum, in order."""
        return list(dict.fromkeys((one.task, one.stratum) for one in self.progress))

    @property
    def done(self) -> int:
        """Of these, those that as many people answered as were to."""
        return sum(one.done for one in self.progress)

    @property
    def answers(self) -> int:
        """Submitted answers."""
        return sum(work.answers for work in self.works)

    @property
    def people(self) -> int:
        """People who did something."""
        return len({work.annotator for work in self.works})


def write_report(labels: Labels, out: Path | None, audit: Audit | None, where: str, cap: float) -> str:
    """Writes the page and returns its path. Raises ReviewError where nothing was pushed yet."""
    html = render(gathered(labels, audit, where, cap), cap)
    path = out or labels.folder / "report.html"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(html, encoding="utf-8", errors="replace")
    except OSError as error:
        raise ReviewError(f"{path}: cannot be written ({error.strerror})") from error
    return str(path)


def gathered(labels: Labels, audit: Audit | None, where: str, cap: float) -> Review:
    """Reads everything."""
    zoned = zone(where)
    every = units(labels, labels.records(COLUMNS))
    if not any(unit.records for unit in every.values()):
        raise ReviewError(f"{labels.folder}: no row is before people; `seimai review push` puts rows there")
    answers = labels.answers()
    errors = estimate(labels, audit.run, audit.task, audit.set_name, audit.plan, audit.wrong, 2)[0] if audit else None
    return Review(
        progress(every.values()),
        by_person(every.values()),
        workload(labels.held(), zoned, cap),
        agreement(answers),
        people_and_judge(labels),
        errors,
        {who: share(*one.gold) for who, one in pass_rates(labels).items() if one.gold.whole},
    )


def render(review: Review, cap: float) -> str:
    """The page as HTML."""
    days = by_day(review.works)
    shown: dict[str, Any] = {
        "n": lambda value: f"{value:,}",
        "share": share_words,
        "review": review,
        "task_words": task_words,
        "question_words": question_words,
        "scales": SCALES,
        "minutes": f"{cap / 60:g}",
        "titles": _titles(review),
        "figures": {
            "days": draw_days({day: counts.total() for day, counts in days.items()}) if days else None,
            "people": draw_people(days) if days else None,
            "agreement": draw_agreement(review.agreement),
            "functions": draw_shares(_by_function(review.judge), Words("機能ごとの一致", "agreement by function")),
            "margins": draw_shares(_by_margin(review.judge), Words("差の大きさごとの一致", "agreement by margin")),
            "strategies": draw_shares(_by_strategy(review.judge), Words("作り方ごとの一致", "agreement by strategy")),
        },
    }
    return framed(HERE, "page.html", shown)


def _by_function(judge: PeopleAndJudge) -> list[Interval]:
    return [Interval(function_words(name), found) for name, found in judge.by_function.items()]


def _by_margin(judge: PeopleAndJudge) -> list[Interval]:
    named = [(f"{low:.2f}–{high:.2f}", found) for low, high, found in judge.by_margin]
    return [Interval(Words(f"差 {name}", f"margin {name}"), found) for name, found in named]


def _by_strategy(judge: PeopleAndJudge) -> list[Interval]:
    return [Interval(Words(name, name), found) for name, found in judge.by_strategy.items()]


def _titles(review: Review) -> dict[str, Words]:
    """Titles that say what was found."""
    done, rows = review.done, review.rows
    titles = {
        "progress": Words(
            f"{rows:,} 行のうち {done:,} 行の確認が済んだ（{share_words(done / rows)}）",
            f"{done:,} of {rows:,} rows are reviewed ({share_words(done / rows)})",
        ),
        "work": Words(
            f"{review.people:,} 人が {review.answers:,} 件に答えた",
            f"{review.people:,} people gave {review.answers:,} answers",
        ),
    }
    known = [one for one in review.agreement if one.alpha.value is not None]
    if known:
        best = max(known, key=lambda one: (one.scale == "nominal", one.alpha.units))
        asked = question_words(best.task, best.question)
        units = best.alpha.units
        titles["agreement"] = Words(
            f"「{asked.ja}」の一致は α = {best.alpha.value:.2f}（{units:,} 件）",
            f"“{asked.en}”: agreement α = {best.alpha.value:.2f} over {units:,} units",
        )
    else:
        titles["agreement"] = Words("一致はまだ測れない", "agreement cannot be measured yet")
    whole = review.judge.by_function.get("")
    titles["judge"] = (
        Words(
            f"判定モデルの選択に、人は {share_words(whole.share)} の組で同意した",
            f"people agree with {share_words(whole.share)} of what the judge chose",
        )
        if whole is not None
        else Words(
            "判定モデルの差がついた組は、まだ人が比べていない",
            "no pair with a judge's margin has been compared by people yet",
        )
    )
    titles["errors"] = _error_title(review.errors)
    return titles


def _error_title(errors: Estimated | None) -> Words:
    if errors is None:
        return Words("残る誤りの推定には、実行の指定が必要", "what remains wrong is estimated where the run is named")
    rate = errors.rate
    if rate.rate is None or rate.low is None or rate.high is None:
        return Words("残る誤りはまだ分からない", "what remains wrong is not known yet")
    said = f"{rate.rate:.2%}", f"{rate.low:.2%}", f"{rate.high:.2%}"
    return Words(
        "出荷する行のうち誤りが残るのは {}（95 % 区間 {}〜{}）".format(*said),
        "{} of the released rows remain wrong (95 % interval {} to {})".format(*said),
    )
