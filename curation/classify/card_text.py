"""A model's card as a page for people: what it is for, whose data it learnt from, how well it does and where it fails."""

from typing import Any

from curation.classify.encoder.card import EncoderCard
from curation.classify.model_card import ModelCard


def card_text(card: ModelCard | EncoderCard) -> str:
    """The card in Markdown."""
    m = card.metrics
    lines = [
        f"# {card.name} {card.version}",
        "",
        *card.about.splitlines(),
        "",
        *(_encoder(card) if isinstance(card, EncoderCard) else _fasttext(card)),
        f"- licence: {card.licence}",
        f"- good labels: {', '.join(card.positive)}",
        f"- calibration: {card.calibration.method}, to even odds of good and other text",
        "",
        "## Data",
        "",
        *_table(
            ("part", "source", "licence", "pages", "good", "other", "groups"),
            [
                [*(d.get(k) for k in ("part", "source", "licence", "pages", "good", "other")), _groups(d)]
                for d in card.data
            ],
        ),
        "",
        "## On groups that it never saw",
        "",
        f"AUC **{m['auc']:.3f}** (95 % interval {m['auc_low']:.3f} to {m['auc_high']:.3f}, pages resampled) over "
        f"{m['examples']:,} pieces of {m['pages']:,} pages; the best single heuristic, `{m['best_heuristic']}`, chosen with the "
        f"answers known: {m['auc_best_heuristic']:.3f}. Brier {m['brier']} (before calibration {m['before_calibration']['brier']}), "
        f"expected calibration error "
        f"{m['calibration_error']} ({m['before_calibration']['calibration_error']}).",
        "",
        "Confusion by source at 0.5:",
        "",
        *_table(
            ("source", "AUC", "good kept", "good lost", "other kept", "other lost"),
            [
                [name, *(s[k] for k in ("auc", "good_kept", "good_lost", "other_kept", "other_lost"))]
                for name, s in m["by_source"].items()
            ],
        ),
        "",
        "What it tells from good text, and how much of it still passes 0.5:",
        "",
        *_table(
            ("kind", "AUC", "kept", "pieces"),
            [[name, s["auc"], s["kept"], s["examples"]] for name, s in m["by_kind"].items()],
        ),
        "",
        "By threshold, with 95 % intervals:",
        "",
        *_table(
            ("keep ≥", "kept", "precision", "recall"),
            [[t["threshold"], t["kept"], _share(t["precision"]), _share(t["recall"])] for t in m["by_threshold"]],
        ),
        "",
        "## How it was made",
        "",
        "```",
        *(f"{key}: {value}" for key, value in card.training.items()),
        "```",
    ]
    return "\n".join(lines) + "\n"


def _fasttext(card: ModelCard) -> list[str]:
    return [
        f"- file: `{card.name}.bin`, SHA-256 `{card.sha256}`; fastText loads it as it is",
        f"- text is cut into {card.tokens}"
        + (f", a line break stands as {card.line_break}" if card.line_break else "; line breaks are left out"),
        f"- labels and their worth: {', '.join(f'{k} {v:g}' for k, v in card.labels.items())}",
    ]


def _encoder(card: EncoderCard) -> list[str]:
    w = card.windows
    read = {
        "first": "the first window",
        "first_last": "the first and the last window",
        "mean": f"up to {w.most} windows end to end",
    }
    worth = ", ".join(f"{k} {v:g}" for k, v in card.labels.items())
    return [
        f"- files: this folder, SHA-256 `{card.sha256}`; `transformers` loads it as it is",
        f"- begun with {card.base.get('model')} (SHA-256 `{card.base.get('sha256')}`, {card.base.get('licence')})",
        f"- of a text it reads {read[w.policy]} of {w.max_tokens} tokens; of several windows the mean, weighted by their tokens",
        f"- classes and their worth: {worth}" if worth else f"- a regression: {card.range} stand for 0 and 1",
    ]


def _table(head: tuple[str, ...], rows: list[list[Any]]) -> list[str]:
    body = ["| " + " | ".join("–" if cell is None else str(cell) for cell in row) + " |" for row in rows]
    return ["| " + " | ".join(head) + " |", "|" + "---|" * len(head), *body]


def _share(said: list[float] | None) -> str:
    return "–" if said is None else f"{said[0]:.3f} [{said[1]:.3f}, {said[2]:.3f}]"


def _groups(data: dict[str, Any]) -> str:
    groups = data["groups"]
    return ", ".join(groups[:6]) + (f" and {len(groups) - 6} more" if len(groups) > 6 else "")
