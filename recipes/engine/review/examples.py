"""`seimai review examples`: reviewed answers with their labels, for `seimai train`."""

from pathlib import Path

import orjson
from rich.console import Console

from annotation.decision import read_decisions
from annotation.errors import ReviewError
from annotation.examples import asked, examples
from annotation.labels import Labels


def write_examples(labels: Labels, out: Path, name: str, question: str | None, *, harmful: bool) -> None:
    """Writes a line an answer and says how many have which label. Raises ReviewError where there is none, or `out` is there."""
    if out.suffix != ".jsonl":
        raise ReviewError(f"--out {out}: must end in .jsonl")
    if out.exists():
        raise ReviewError(f"--out {out}: is there already; name another file, or remove it")
    question = asked(name, question)
    found = examples(labels, read_decisions(str(labels.folder / "decisions")), name, question, harmful=harmful)
    left = ", ".join(f"{why} {count:,}" for why, count in sorted(found.left.items()))
    if not found.lines:
        said = f" ({left})" if left else ""
        raise ReviewError(f"{labels.folder}: nobody decided '{question}' of an answer of '{name}'{said}")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_bytes(b"".join(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in found.lines))
    except OSError as error:
        raise ReviewError(f"--out {out}: cannot be written ({error.strerror})") from error
    console = Console()
    told = ", ".join(f"{label} {count:,}" for label, count in sorted(found.labels.items()))
    documents = len({line["url"].split("/")[2] for line in found.lines})
    for line in (f"{out}: {len(found.lines):,} answers of {documents:,} documents: {told}", f"without a label: {left}"):
        if left or line.startswith(str(out)):
            console.print(line, markup=False, highlight=False, soft_wrap=True)
