"""`seimai budget` as a user calls it: the file's mistakes, what it prints, the plan and the picture it writes."""

import json
import xml.etree.ElementTree as ET

import pytest
from typer.testing import CliRunner

from recipes.engine.cli import app
from recipes.engine.errors import RecipeError

PLAN = """
k: 4
parameters: 7e9
tokens: {tokens}
sources:
  web: {{tokens: {{high: 40e9, low: 120e9}}, value: {{high: 1.2, low: 0.9}}}}
  wiki: {{tokens: 3.1e9, value: 1.5, max_epochs: 3}}
stages:
  - {{name: pretrain, share: 0.95}}
  - {{name: anneal, share: 0.05, sources: [wiki, web]}}
"""

STAGES = "{{k: 4, parameters: 1e9, sources: {{web: {{tokens: 1e9}}}}, stages: [{}]}}"


def budget(tmp_path, text, *more):
    (tmp_path / "b.yaml").write_text(text)
    done = CliRunner().invoke(app, ["budget", str(tmp_path / "b.yaml"), *more])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def test_a_plan_is_printed_with_both_laws_and_what_they_were_fitted_on(tmp_path):
    done = budget(tmp_path, PLAN.format(tokens="300e9"))
    assert done.exit_code == 0
    for said in ("Muennighoff+23", "Hoffmann+22", "C4 (English)", "over-training ×2.14", "first to bind", "wiki"):
        assert said in done.output


def test_the_plan_and_its_picture_are_written(tmp_path):
    budget(tmp_path, PLAN.format(tokens="300e9"), "--out", str(tmp_path / "out"))
    plan = json.loads((tmp_path / "out" / "budget.json").read_text())
    shown = {(c["source"], c["tier"]): sum(c["showings"]) for c in plan["cells"]}
    assert shown["wiki", ""] == pytest.approx(3), "its own limit"
    assert shown["web", "high"] == pytest.approx(4), "K"
    assert sum(c["tokens"] * sum(c["showings"]) for c in plan["cells"]) == pytest.approx(300e9)
    assert len(plan["plan"]) == 64
    for language in ("ja", "en"):
        root = ET.parse(tmp_path / "out" / f"budget.{language}.svg").getroot()
        assert root.tag.endswith("svg")
        assert len([e for e in root.iter() if e.tag.endswith("path")]) == 4


def test_the_same_file_makes_the_same_plan(tmp_path):
    for out in ("a", "b"):
        budget(tmp_path, PLAN.format(tokens="300e9"), "--out", str(tmp_path / out))
    assert (tmp_path / "a" / "budget.json").read_bytes() == (tmp_path / "b" / "budget.json").read_bytes()


def test_a_target_that_cannot_be_met_ends_in_status_1_with_the_changes_that_would(tmp_path):
    done = budget(tmp_path, PLAN.format(tokens="900e9"))
    assert done.exit_code == 1
    assert "stage 'pretrain' lacks" in done.output
    assert "K, the showings of a cluster: 4 →" in done.output


def test_a_budget_below_one_epoch_says_so(tmp_path):
    done = budget(tmp_path, "{k: 4, parameters: 1e9, sources: {web: {tokens: 100e9}}}")
    assert done.exit_code == 0
    assert "below one epoch: 20.0% of the unique tokens" in done.output


def test_compute_alone_finds_parameters(tmp_path):
    done = budget(tmp_path, "{k: 4, flops: 1e22, sources: {web: {tokens: 10e12}}}")
    assert "9.1" in done.output.splitlines()[0] or "9.2" in done.output.splitlines()[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{k: 0, parameters: 1e9, sources: {web: {tokens: 1e9}}}", r"k: .*greater than or equal to 1 \(found 0\)"),
        ("{k: 4, parameters: 1e9, sources: {web: {}}}", "sources.web: has no token counts to plan with"),
        ("{k: 4, parameters: 1e9, sources: {web: {tokens: 0}}}", "source 'web': token counts"),
        ("{k: 4, sources: {web: {tokens: 1e9}}}", "give `parameters`"),
        ("{k: 4, parameters: 1e9, flops: 1e20, sources: {web: {tokens: 1e9}}}", "not both"),
        ("{k: 4, parameters: 1e9, tokns: 1, sources: {web: {tokens: 1e9}}}", "tokns: unknown key"),
        ("{k: 4, parameters: 1e9, sources: {web: {shards: nowhere}}}", "no finished run here"),
        ("{k: 4, parameters: 1e9, sources: {web: {tokens: {a: 1e9}, value: {b: 1}}}}", "just the tiers"),
        (
            "{k: 4, parameters: 1e9, sources: {web: {tokens: .inf}}}",
            r"sources.web.tokens: .*finite number \(found inf\)",
        ),
        ("{k: 4, parameters: .nan, sources: {web: {tokens: 1e9}}}", r"parameters: .*\(found nan\)"),
        (
            "{k: 4, parameters: 1e9, sources: {web: {shards: nowhere}}}",
            r"b.yaml: source 'web': .*nowhere: no finished run",
        ),
        (
            "{k: 4, parameters: 1e9, ledger: nowhere, sources: {web: {tokens: 1e9}}}",
            r"b.yaml: .*there is no ledger here",
        ),
        (STAGES.format("{name: p, share: 0.5}, {name: P, share: 0.5}"), "stage 'P': another stage has this name"),
        (STAGES.format("{name: ../../evil, share: 1}"), r"stages.0: stage '../../evil': its name becomes a folder"),
        (STAGES.format("{name: charges, share: 1}"), "stage 'charges': its name becomes a folder"),
        (STAGES.format("{name: p, share: 1, sources: []}"), "stage 'p': an empty list of sources shows nothing"),
        ("k: [", "not YAML"),
    ],
)
def test_mistakes_in_the_file_are_named(tmp_path, text, said):
    with pytest.raises(RecipeError, match=said):
        budget(tmp_path, text)


def test_a_file_that_is_not_there_is_named(tmp_path):
    done = CliRunner().invoke(app, ["budget", str(tmp_path / "none.yaml")])
    assert isinstance(done.exception, RecipeError)
    assert "none.yaml: there is no such budget file" in str(done.exception)


def test_tiers_by_a_column_of_the_shards_are_planned_written_and_mixed(tmp_path, sets):
    tiers = "tiers: {column: form_chars, values: {0: 0.8, 150: 1}}"
    done = budget(
        tmp_path,
        f"{{k: 4, parameters: 1000, tokens: 40e3, sources: {{wiki: {{shards: {sets}/wiki/1, {tiers}}}}}}}",
        *("--out", str(tmp_path / "plan")),
    )
    assert done.exit_code == 0
    plan = json.loads((tmp_path / "plan" / "budget.json").read_text())
    assert plan["sources"]["wiki"]["tiers"]["values"] == {"0.0": 0.8, "150.0": 1.0}
    assert {c["tier"] for c in plan["cells"]} == {"form_chars>=150"}, "every text has 200 characters"
    mixed = CliRunner().invoke(app, ["mix", str(tmp_path / "plan" / "budget.json"), "--out", str(tmp_path / "mix")])
    assert mixed.exit_code == 0, mixed.exception


def test_tiers_by_a_column_of_text_are_refused(tmp_path, sets):
    tiers = "tiers: {column: source, values: {0: 1}}"
    with pytest.raises(RecipeError, match="source 'wiki': tiers are by a column of numbers, and 'source' holds string"):
        budget(tmp_path, f"{{k: 4, parameters: 1000, sources: {{wiki: {{shards: {sets}/wiki/1, {tiers}}}}}}}")


def test_two_targets_that_are_missed_are_told_apart(tmp_path):
    text = "{k: 4, parameters: 1e9, tokens: 100e9, loss: 2.5, sources: {a: {tokens: 1e9}, b: {tokens: 2e9, max_epochs: 2}}}"
    done = budget(tmp_path, text)
    assert done.exit_code == 1
    for_tokens, for_loss = done.output.split("for the 100G tokens asked for")[1].split("for the loss 2.5")
    assert "K, the showings of a cluster: 4 → 96" in for_tokens
    assert "unique tokens (new ones of value 1): 3G → 26G" in for_tokens
    assert "tokens shown: 100G → 8G" in for_tokens
    assert "unique tokens (new ones of value 1): 3G → 14.2G" in for_loss
    assert "K, the showings" not in for_loss


def test_what_values_do_to_the_ratio_is_told_apart_from_what_repetition_does(tmp_path):
    once = budget(tmp_path, "{k: 4, parameters: 1e8, tokens: 2e9, sources: {a: {tokens: 2e9, value: 2}}}")
    assert "D′/U = 2.00 by values and repetition, 1.00 by repetition alone" in once.output
    plain = budget(tmp_path, "{k: 4, parameters: 1e8, tokens: 8e9, sources: {a: {tokens: 2e9}}}")
    assert "D′/U = 3.73\n" in "\n".join(line.rstrip() for line in plain.output.splitlines()) + "\n"
