"""Review tasks, their questions and scales in words, Japanese and English."""

from functools import cache

from annotation.review_tasks import NAMES, base, task
from recipes.engine.wording import Words

TASKS: dict[str, Words] = {
    "quality": Words("回答の質", "quality"),
    "preference": Words("回答の比較", "preference"),
    "ranking": Words("順位づけ", "ranking"),
    "safety": Words("安全性", "safety"),
    "correction": Words("書き直し", "correction"),
    "spans": Words("誤りの印つけ", "spans"),
}
VARIANTS: dict[str, Words] = {"harmful": Words("有害な内容", "harmful"), "markdown": Words("Markdown", "Markdown")}
SCALES: dict[str, Words] = {
    "nominal": Words("名義", "nominal"),
    "ordinal": Words("順序", "ordinal"),
    "interval": Words("間隔", "interval"),
}


def task_words(name: str) -> Words:
    """A task with its variant."""
    own = TASKS.get(base(name), Words(name, name))
    parts = [VARIANTS[part] for part in name.split("_")[1:] if part in VARIANTS]
    if not parts:
        return own
    return Words(f"{own.ja}（{'・'.join(p.ja for p in parts)}）", f"{own.en} ({', '.join(p.en for p in parts)})")


@cache
def question_words(name: str, question: str) -> Words:
    """A question's title; its name where the task asks it no more."""
    if base(name) not in NAMES:
        return Words(question, question)
    ja, en = ({q.name: q.title for q in task(base(name), language).questions} for language in ("ja", "en"))
    return Words(ja.get(question, question), en.get(question, question))


def function_words(name: str) -> Words:
    """A function as it is called; "" is all of them."""
    return Words(name, name) if name else Words("全体", "all")
