"""Generations that run: exact numbers, nothing lost, the same rows whoever works, and manifests that say how."""

import orjson
import pytest

from curation.provenance import key
from recipes.engine.errors import RecipeError, RunError
from synth.dialogue import COLUMNS
from synth.tasks.task import read_spec
from synth.verify.constraint import verify_all
from synth.verify.verdict import combined

ALL = {
    "mathematics": {"rows": 12, "answers": "program"},
    "extraction": {"rows": 9, "answers": "program"},
    "reading": {"rows": 9, "answers": "program"},
    "quotation": {"rows": 4, "answers": "program"},
    "constraints": {"rows": 6, "answers": "program", "with": {"sort": "arrange"}},
    "dialogue": {"rows": 5, "answers": "program"},
}


def test_as_many_rows_as_ordered_each_verified_and_none_lost(recipes):
    recipes.generate |= {"tasks": ALL, "partitions": 4}
    manifest = recipes.run()
    rows, refused = recipes.rows(), recipes.rows(kind="refused")
    assert manifest["over"] == "every quota is met"
    assert {q["function"]: q["rows"] for q in manifest["quotas"]} == {name: o["rows"] for name, o in ALL.items()}
    assert len(rows) == manifest["rows_out"] == 45
    assert len(refused) == sum(manifest["rejected"].values()) == manifest["rows_in"] - 45
    assert [r["id"] for r in rows] == sorted(r["id"] for r in rows)
    assert len({r["id"] for r in rows}) == 45
    assert all(set(r) == set(COLUMNS) for r in rows)
    assert all(manifest["verifiers"].values())
    for row in rows:
        assert (row["answer_origin"], row["verdict"], row["wording_state"]) == ("program", "pass", "draft")
        messages = orjson.loads(row["messages"])
        assert messages[-1] == {"role": "assistant", "content": row["answer"]}
        for turn, constraints in read_spec(orjson.loads(row["spec"])).items():  # verified anew from what the row holds
            overall, _ = verify_all(constraints, messages[:turn], messages[turn]["content"])
            assert overall == "pass"
        assert {t["index"] for t in row["turns"] if t["train"]} == {
            t["turn"] for t in orjson.loads(row["spec"])["turns"]
        }


def test_the_same_rows_with_one_worker_and_with_three(recipes):
    recipes.generate |= {"tasks": ALL}
    one, three = recipes.run("one"), recipes.run("three", generators=3)
    assert one["content"] == three["content"]
    assert [r["id"] for r in recipes.rows("one")] == [r["id"] for r in recipes.rows("three")]


def test_a_set_that_is_there_is_not_made_again_and_another_one_needs_a_version(recipes):
    first = recipes.run()
    made = (recipes.folder / "out/1/instruct/manifest.json").stat().st_mtime_ns
    assert recipes.run() == first
    assert (recipes.folder / "out/1/instruct/manifest.json").stat().st_mtime_ns == made
    recipes.generate |= {"salt": "other"}
    with pytest.raises(RecipeError, match="version 1 is there already and was made differently"):
        recipes.run()
    recipes.version = "2"
    second = recipes.run()
    assert second["content"] != first["content"]


def test_another_target_needs_no_new_rounds(recipes):
    recipes.run()
    rounds = sorted(
        p.stat().st_mtime_ns for p in (recipes.folder / "out/stages").glob("instruct-*/round-*/candidates/*")
    )
    recipes.version, recipes.release["target"]["model_name"] = "2", "another"
    recipes.run()
    assert rounds == sorted(
        p.stat().st_mtime_ns for p in (recipes.folder / "out/stages").glob("instruct-*/round-*/candidates/*")
    )


def test_seeds_stay_with_their_rows_and_their_licence_with_the_release(recipes):
    recipes.generate |= {"tasks": {"quotation": {"rows": 3, "answers": "program"}}}
    recipes.run()
    for row in recipes.rows():
        (seed,) = row["seeds"]
        assert (seed["kind"], seed["use"], seed["licence"]) == ("document", "embeds", "CC0-1.0")
        assert seed["host"].endswith(".example.jp")


def test_attributions_that_the_target_lacks_stop_the_run_as_soon_as_its_passages_are_known(recipes):
    recipes.generate |= {"tasks": {"quotation": {"rows": 3, "answers": "program"}}}
    path = recipes.write()
    path.write_text(path.read_text(encoding="utf-8").replace("CC0-1.0", "CC-BY-4.0"), encoding="utf-8")
    recipes.write = lambda: path
    with pytest.raises(RunError, match=r"a notice must contain 'CC-BY-4.0: page\d.example.jp'"):
        recipes.run()
    assert list((recipes.folder / "out/stages").glob("instruct-*/seeds.json"))
    assert not list((recipes.folder / "out/stages").glob("instruct-*/round-*")), "nothing was asked"
    assert not (recipes.folder / "out/1/instruct").exists()
    text = path.read_text(encoding="utf-8").replace("publish: false", "publish: false\n    notices: [NOTICE]", 1)
    for name in range(3):
        text = text.replace("NOTICE]", f"'CC-BY-4.0: page{name}.example.jp', NOTICE]")
    path.write_text(text.replace(", NOTICE]", "]"), encoding="utf-8")
    assert recipes.run()["rows_out"] == 3


def test_an_evaluation_item_keeps_what_shares_its_words_out_and_is_named(recipes):
    recipes.run("before")
    asked = [orjson.loads(r["messages"])[0]["content"] for r in recipes.rows("before")]
    item = max(asked, key=len)
    (recipes.folder / "eval.jsonl").write_bytes(orjson.dumps({"id": "q7", "question": item}))
    sets = {"trial_eval": {"file": "eval.jsonl", "question": "question", "id": "id"}}
    recipes.generate |= {"decontaminate": {"width": 13, "shortest": 8, "reject": {"question": 0.9}, "sets": sets}}
    manifest = recipes.run("after")
    assert manifest["contamination"]["trial_eval:q7"] >= 1
    assert item not in [orjson.loads(r["messages"])[0]["content"] for r in recipes.rows("after")]
    (gone,) = [r for r in recipes.rows("after", "refused") if orjson.loads(r["messages"])[0]["content"] == item]
    assert gone["reason"] == "contaminated"
    assert gone["detail"].startswith("trial_eval:q7 question 1.00 in its prompt")
    assert manifest["rows_out"] == 12


def test_templates_have_no_more_than_their_share(recipes):
    recipes.generate |= {
        "tasks": {"mathematics": {"rows": 40, "answers": "program"}},
        "caps": {"per_template_of_all": 0.05},
    }
    manifest = recipes.run()
    assert manifest["yields"]["templates"]["most"][0]["rows"] <= 2
    assert manifest["rejected"]["cap_template"] >= 1


def test_a_quota_that_cannot_be_met_is_said_with_its_reason(recipes):
    recipes.generate |= {"tasks": {"quotation": {"rows": 500, "answers": "program"}}, "caps": {"per_host": 0.01}}
    manifest = recipes.run()
    (quota,) = manifest["quotas"]
    assert quota["short"] > 400
    assert manifest["over"].endswith(f"quotation is short of {quota['short']} rows")
    assert manifest["rejected"]["cap_host"] >= 5
    (short,) = manifest["short"]
    head, *why = short["why"]
    assert head.startswith(f"quotation has {quota['filled']} of 500 rows, from ")
    assert any("cap_host" in one and "→ pages of more hosts, or raise `caps.per_host`" in one for one in why)


def test_an_order_whose_passages_are_none_is_stopped_with_the_reasons(recipes):
    recipes.generate |= {"tasks": {"quotation": {"rows": 5, "answers": "program"}}}
    recipes.generate["seeds"]["lengths"] = [5000, 6000]
    with pytest.raises(RunError, match="none of the 3 pages of stage 'pages' gives a passage: 3 seed_length"):
        recipes.run()


def test_pages_of_no_licence_and_no_basis_give_nothing_and_the_policy_is_named(recipes):
    recipes.generate |= {"tasks": {"quotation": {"rows": 2, "answers": "program"}}}
    path = recipes.write()
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("licence: CC0-1.0", "rights_basis: 引用"), encoding="utf-8")
    recipes.write = lambda: path
    said = r"3 seed_rights .*its licence is unknown, and policy\.yaml has no `unknown_web` line for the basis '引用'"
    with pytest.raises(RunError, match=said):
        recipes.run()
    analysis = text.replace("licence: CC0-1.0", "rights_basis: 著作権法30条の4")
    path.write_text(analysis, encoding="utf-8")
    said = r"3 seed_rights .*so is whether its site has opted out: keep the columns x_robots_tag and robots_meta"
    with pytest.raises(RunError, match=said):
        recipes.run()
    path.write_text(
        analysis.replace("per_host: 9", "per_host: 9\n    opt_outs_removed: Sato, 2026-10-01"), encoding="utf-8"
    )
    manifest = recipes.run()
    assert {(s["licence"], s["rights_basis"]) for r in recipes.rows() for s in r["seeds"]} == {
        (None, "著作権法30条の4")
    }
    assert manifest["policy"]["file"] == "policy.yaml"


def test_an_earlier_version_is_a_base_that_new_prompts_are_held_against(recipes):
    recipes.generate |= {"tasks": {"mathematics": {"rows": 12, "answers": "program"}}}
    first = recipes.run()
    before = recipes.rows()
    recipes.version = "2"
    recipes.generate["novelty"] = {"threshold": 0.8, "base": ["out/1/instruct"]}
    second = recipes.run()
    after = [r for r in recipes.rows() if r["id"] not in {b["id"] for b in before}]
    assert (second["rows_out"], len(after)) == (12, 12)
    assert not {r["prompt_key"] for r in before} & {r["prompt_key"] for r in after}
    copies = [r for r in recipes.rows(kind="refused") if r["detail"] and r["detail"].endswith(" of out/1/instruct")]
    assert len(copies) >= 12, "the same numbers are drawn again, and every prompt of version 1 is an old one"
    assert {r["reason"] for r in copies} == {"near_prompt"}
    assert {bytes.fromhex(r["detail"].split()[1]) for r in copies} <= {r["id"] for r in before}
    assert {r["cluster"] for r in copies} <= {r["cluster"] for r in before}
    assert second["novelty"]["base"] == [
        {"base": "out/1/instruct", "sha256": next(f for f in first["files"] if f["path"] == "novelty.parquet")["sha256"],
         "instructions": 12, "added": 12}
    ]  # fmt: skip
    assert next(f for f in second["files"] if f["path"] == "novelty.parquet")["rows"] == 24, "a base of a base"
    assert recipes.run("again", generators=2)["content"] == second["content"]


def test_a_base_that_is_none_or_was_changed_or_is_the_set_itself_is_refused(recipes):
    recipes.generate["novelty"]["base"] = ["out/1/instruct"]
    with pytest.raises(RecipeError, match=r"novelty: base .*out/1/instruct: there is no generated set"):
        recipes.run("other")
    recipes.generate["novelty"]["base"] = []
    recipes.run()
    recipes.generate["novelty"]["base"] = ["out/1/instruct"]
    with pytest.raises(RecipeError, match="names the set itself"):
        recipes.run()
    with (recipes.folder / "out/1/instruct/novelty.parquet").open("ab") as file:
        file.write(b"x")
    with pytest.raises(RecipeError, match=r"novelty\.parquet is not what its manifest says"):
        recipes.run("other")


def test_quotas_may_be_in_tokens(recipes):
    recipes.generate |= {"tasks": {"mathematics": {"tokens": 800, "answers": "program"}}}
    manifest = recipes.run()
    assert manifest["over"] == "every quota is met"
    assert manifest["quotas"][0]["filled"] >= 800
    assert 5 <= manifest["rows_out"] <= 40


def test_yields_count_every_sample_and_every_verdict_once(recipes):
    recipes.generate |= {"tasks": ALL}
    manifest = recipes.run()
    yields = manifest["yields"]
    assert sum(o["samples"] for o in yields["orders"]) == manifest["rows_in"]
    assert yields["origins"] == {"program": 45, "model": 0, "human": 0}
    verdicts = [r for kind in ("data", "refused") for r in recipes.rows(kind=kind)]
    for line in yields["constraints"]:
        seen = [v["verdict"] for r in verdicts for v in r["verifications"] if v["verifier"] == line["constraint"]]
        assert len(seen) == line["pass"] + line["fail"] + line["abstain"]


def test_the_verdicts_of_a_row_combine_to_its_own(recipes):
    from synth.verify.verdict import Verdict

    recipes.run()
    for row in recipes.rows():
        found = [
            Verdict(v["verdict"], v["score"], (), v["verifier"], int(v["version"]), v["hard"])
            for v in row["verifications"]
        ]
        assert combined(found) == row["verdict"]


def test_evaluation_rows_are_marked_and_made_with_wordings_of_their_own(recipes):
    recipes.generate |= {"tasks": {"mathematics": {"rows": 6, "answers": "program", "split": "test"}}}
    recipes.run()
    rows = recipes.rows()
    assert {r["split"] for r in rows} == {"test_only"}
    assert len({key(r["template"]) for r in rows}) > 1
