"""What the documents promise: the same commands in both languages, files that exist, versions that are pinned."""

import os
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from recipes.engine.cli import app

ROOT = Path(__file__).resolve().parents[2]
READMES = ("README.md", "README.ja.md")
PINNED = re.compile(r"[a-z0-9][a-z0-9-]*==[\w.+!-]+( ; .+)?")


def commands(readme: str) -> list[str]:
    """Lines of the shell blocks, without their comments."""
    blocks = re.findall(r"^```sh\n(.*?)^```", (ROOT / readme).read_text(encoding="utf-8"), re.M | re.S)
    lines = [re.sub(r"\s+#.*|^#.*", "", line).rstrip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line]


def test_both_readmes_give_the_same_commands():
    assert commands("README.md") == commands("README.ja.md")


def test_two_commands_come_first():
    first, second, *_ = commands("README.md")
    assert first == "python3 -m pip install uv && uv run seimai run quickstart"
    assert second == "uvx nox"


def test_ci_runs_the_second_command():
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert re.search(r"^\s*exec uvx nox ", script.read_text(), re.M)


@pytest.mark.parametrize(
    "document", [*READMES, "CONTRIBUTING.md", *[str(p.relative_to(ROOT)) for p in sorted(ROOT.glob("docs/*.md"))]]
)
def test_links_lead_somewhere(document: str):
    text = (ROOT / document).read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#\s]+)", text) if "://" not in link]
    assert not [link for link in links if not ((ROOT / document).parent / link).exists()]


def test_every_page_and_every_command_is_in_the_index():
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    pages = {p.name for p in ROOT.glob("docs/*.md")} - {"README.md"}
    assert set(re.findall(r"\]\(([^)/#]+\.md)\)", index)) == pages
    named = {words.split()[0] for words in re.findall(r"`([a-z]+[^`]*)`", index)}
    assert not {command.name or command.callback.__name__ for command in app.registered_commands} - named
    assert not {group.name or group.typer_instance.info.name for group in app.registered_groups} - named


def test_every_benchmark_is_in_the_table():
    table = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8").partition("\n## ")[0]
    named = set(re.findall(r"^\| (\w+)(?: †)? \|", table, re.M)) - {"NAME"}
    assert named == {p.stem for p in ROOT.glob("benchmarks/[!_]*.py")}


def test_constraints_hold_names_versions_and_nothing_else():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert not [line for line in lines if not PINNED.fullmatch(line)]


def test_uv_run_obeys_the_same_constraints():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["tool"]["uv"]["constraint-dependencies"] == (ROOT / "constraints.txt").read_text().splitlines()
    assert project["tool"]["uv"]["default-groups"] == ["embedded"], "what the quickstart needs, and nothing more"
    assert "index" not in project["tool"]["uv"]


def test_every_direct_dependency_is_pinned_in_its_range():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    pins = {}
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        name, _, rest = line.partition("==")
        pins.setdefault(name, []).append(rest.split(" ;")[0])
    groups = [project["project"]["dependencies"], *project["project"]["optional-dependencies"].values()]
    groups += [[entry for entry in group if isinstance(entry, str)] for group in project["dependency-groups"].values()]
    for wanted in (Requirement(text) for group in groups for text in group):
        versions = pins.get(re.sub(r"[-_.]+", "-", wanted.name).lower())
        assert versions, f"{wanted.name} is not pinned: uvx nox -s pin"
        assert all(wanted.specifier.contains(version, prereleases=True) for version in versions), wanted
