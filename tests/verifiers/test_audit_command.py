"""`seimai audit verifiers` as a user runs it, and what it says when a verifier is wrong."""

import io
import subprocess
import sys

import pytest
from rich.console import Console

from recipes.engine.audit import verifiers
from recipes.engine.errors import RunError
from synth.verify.audit import goldens
from synth.verify.constraint import kinds


def seimai(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "recipes.engine.cli", *arguments], capture_output=True, text=True, check=False
    )


def test_the_table_names_every_kind_and_all_are_good():
    ended = seimai("audit", "verifiers")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert all(kind in ended.stdout for kind in kinds())
    assert f"{len(kinds())} kinds, {len(goldens())} goldens" in ended.stdout


def test_an_unknown_audit_is_named():
    ended = seimai("audit", "everything")
    assert ended.returncode == 2
    assert "knows 'verifiers' and 'prompts', not 'everything'" in ended.stderr


def test_a_wrong_verdict_is_shown_with_its_place_and_fails_the_audit(monkeypatch):
    wrong = [
        g._replace(wanted="fail") if g.spec.kind == "kaibun" and g.wanted == "pass" else g
        for g in goldens()
        if not g.spec.executes
    ]
    whole = verifiers.audit
    monkeypatch.setattr(verifiers, "audit", lambda: whole(wrong))
    shown = io.StringIO()
    with pytest.raises(RunError, match=r"audit fails: kaibun"):
        verifiers.audit_verifiers(Console(file=shown, width=160))
    assert "wordplay.jsonl:4 kaibun: wants fail, gets pass" in shown.getvalue()
