"""The public report of a run: what a buyer asks on one page, and the fields that regulators ask for in one table.

    facts.py        figures of the release, from its rows' narrow columns, its manifests and its recipe
    rights_facts.py licences with their evidence, opt-outs, what was removed later
    model_facts.py  models that scored, wrote or judged, and the rows that they wrote
    tables.py       what a table is: fields in two languages, each with a value or unknown
    eu_template.py  the EU's template for the public summary of training content (July 2025)
    guidelines.py   the Japanese AI guidelines for business (AI事業者ガイドライン), as far as they are about data
    public.html     the page

Everything is generated; nobody fills anything in. What the run does not know stands there as unknown. No text, title
or URL of a page is read into it: host names, counts, names of sets and models are all that leaves. `public.html`
stands alone as `report.html` does; `public.json` has the tables, `public-hosts.csv` the hosts by size that the EU's
template asks for.
"""

import csv
import io
from pathlib import Path
from typing import Any

from markupsafe import Markup

from curation.place import Place
from recipes.engine.errors import RecipeError
from recipes.engine.report.benchmarks import benchmarks
from recipes.engine.report.frame import framed
from recipes.engine.report.funnel import share_words
from recipes.engine.report.personal_data import personal_data
from recipes.engine.report.public.eu_template import eu_template, listed_hosts
from recipes.engine.report.public.facts import Facts, gathered
from recipes.engine.report.public.guidelines import guidelines
from recipes.engine.report.public.tables import Part
from recipes.engine.run_folder import Run, open_run

HERE = Path(__file__).parent
SHOWN_HOSTS, SHOWN_LANGUAGES = 12, 6
PAGE, TABLES, HOSTS = "public.html", "public.json", "public-hosts.csv"


def write_public(folder: str, alone: bool = True) -> list[str]:
    """Writes the public report into a run's folder; returns the paths of its three files.

    Raises RecipeError when there is no finished run, and where page text or labels are wanted beside it (not `alone`);
    ShardError when the released shards are gone.
    """
    if not alone:
        raise RecipeError("--public stands alone: the public report never shows page text, and holds no labels")
    run = open_run(folder)
    facts = gathered(run, personal_data(run), benchmarks(run, samples=False))
    parts = [eu_template(facts), guidelines(facts)]
    place = Place(run.place.url)
    place.write_bytes(PAGE, rendered(run, facts, parts).encode("utf-8", "replace"))
    place.write_json(TABLES, _plain(run, parts))
    place.write_bytes(HOSTS, _hosts(facts).encode())
    return [f"{run.place.url.rstrip('/')}/{name}" for name in (PAGE, TABLES, HOSTS)]


def rendered(run: Run, facts: Facts, parts: list[Part]) -> str:
    """The page as HTML."""
    most = facts.hosts[0].chars if facts.hosts else 0
    shown: dict[str, Any] = {
        "more_style": Markup((HERE / "public.css").read_text(encoding="utf-8")),
        "n": lambda value: f"{round(value):,}",
        "share": share_words,
        "run": run,
        "facts": facts,
        "parts": parts,
        "hosts": [(host, 100 * host.chars / most if most else 0) for host in facts.hosts[:SHOWN_HOSTS]],
        "more_hosts": max(0, len(facts.hosts) - SHOWN_HOSTS),
        "languages": facts.languages[:SHOWN_LANGUAGES],
        "hosts_file": HOSTS,
        "listed": len(listed_hosts(facts)),
    }
    return framed(HERE, "public.html", shown)


def _plain(run: Run, parts: list[Part]) -> dict[str, Any]:
    about = {name: run.about[name] for name in ("recipe", "version", "fingerprint", "finished")}
    return about | {part.key: [field.plain() for group in part.groups for field in group.fields] for part in parts}


def _hosts(facts: Facts) -> str:
    out = io.StringIO()
    lines = csv.writer(out, lineterminator="\n")
    lines.writerow(["host", "pages", "characters"])
    for host in listed_hosts(facts):
        name = f"'{host.name}" if host.name[:1] in "=+-@" else host.name  # a spreadsheet takes no host for a formula
        lines.writerow([name, host.pages, host.chars])
    return out.getvalue()
