"""A model's card as a page for people: what it is for, whose data it learnt from, how well it does and where it fails."""

from typing import Any

from curation.classify.encoder.card import EncoderCard
from curation.classify.model_card import ModelCard

_CONFUSION = ("auc", "good_kept", "good_lost", "other_kept", "other_lost", "brier", "calibration_error")


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
        *(
            [f"Content hash of the labelled pages: `{card.content}`", ""]
            if isinstance(card, ModelCard) and card.content
            else []
        ),
        *_table(
            ("part", "source", "licence", "pages", "good", "other", "groups"),
            [
                [*(d.get(k) for k in ("part", "source", "licence", "pages", "good", "other")), _groups(d)]
                for d in card.data
            ],
        ),
        "",
        f"Good and other are counted in pieces of pages; in the parts that calibrate and test in {m['unit']}.",
        "",
        "## On groups that it never saw",
        "",
        *_headline(card),
        "",
        f"Confusion by source at 0.5, in {m['unit']}:",
        "",
        *_table(
            ("source", "AUC", "good kept", "good lost", "other kept", "other lost", "Brier", "calibration error"),
            [[name, *(said.get(key) for key in _CONFUSION)] for name, said in m["by_source"].items()],
        ),
        "",
        *_kinds(m["by_kind"]),
        "By threshold, with 95 % intervals over the groups:",
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


def _headline(card: ModelCard | EncoderCard) -> list[str]:
    """AUC and what it is of: how many groups and hosts its interval counts, and who made the text that is not good."""
    m, damage = card.metrics, card.training.get("damage")
    before = m["before_calibration"]
    interval = f"95 % interval {m['auc_low']:.3f} to {m['auc_high']:.3f}" if m["auc_low"] is not None else "no interval"
    hosts = ", ".join(f"{name} {pages:,}" for name, pages in list(m["hosts"].items())[:6])
    more = f" and {len(m['hosts']) - 6} hosts more" if len(m["hosts"]) > 6 else ""
    known = [
        (d["part"], host) for d in card.data if d["part"] != "test" for host in d.get("hosts", ()) if host in m["hosts"]
    ]
    shared = "".join(f" {host} has other pages in the part {part}." for part, host in dict.fromkeys(known))
    of = f" of {m['pages']:,} pages" if m["unit"] != "pages" else ""
    made = [
        "",
        "Other text here is good text that the program has damaged which made the bad text of the training: this says how well the "
        "model knows such damage, not how well it knows pages that people call bad.",
    ]
    return [
        f"AUC **{m['auc']:.3f}** ({interval}, over {len(m['groups'])} groups) on {m['examples']:,} {m['unit']}"
        f"{of}, each page of the same weight; pages by host: {hosts}{more}.{shared} "
        f"The best single heuristic, `{m['best_heuristic']}`, chosen with the answers known: {m['auc_best_heuristic']:.3f}. Brier "
        f"{m['brier']} (before calibration {before['brier']}), expected calibration error {m['calibration_error']} "
        f"({before['calibration_error']}).",
        *(made if damage else []),
    ]


def _kinds(kinds: dict[str, Any]) -> list[str]:
    """The kinds of damage, where there is some."""
    if not kinds:
        return []
    return [
        "What it tells from good text, and how much of it still passes 0.5:",
        "",
        *_table(
            ("kind", "AUC", "kept", "pieces"),
            [[name, said["auc"], said["kept"], said["examples"]] for name, said in kinds.items()],
        ),
        "",
    ]


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
