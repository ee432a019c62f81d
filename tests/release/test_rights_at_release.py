"""Licences, obligations and audits once more: what may not leave the house does not, and the error names the rows."""

from pathlib import Path

import orjson
import pytest

from curation.provenance import key
from recipes.engine.errors import RunError
from tests.release.made_sets import (
    BETTER,
    CASES,
    TARGET,
    USER,
    WORSE,
    dialogue,
    found,
    generated,
    pair,
    paired,
    released,
    rows_of,
    say,
    seed,
)  # fmt: skip

SHARE = TARGET | {"purpose": "share", "licence": "CC-BY-4.0"}
ANSWER = [say("user", "精米とは？"), say("assistant", "糠を除くことです。")]
SMALL = {
    "model": "HuggingFaceTB/SmolLM2-135M-Instruct", "revision": "0.1.2", "role": "generator", "verified": True,
    "weights": "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53", "licence": "Apache-2.0", "status": "conditional",
}  # fmt: skip


def one(folder: Path, *rows: dict, **said) -> dict:
    """A release for TRL of a generation with these rows."""
    return released(folder, [generated(folder / "instruct", list(rows))], ["trl_sft"], **said)


def test_a_release_with_one_denied_licence_is_refused_and_names_the_row(tmp_path: Path):
    denied = dialogue("nc", ANSWER, [1], seeds=[seed("p", "CC-BY-NC-4.0")])
    with pytest.raises(RunError) as error:
        one(tmp_path, CASES["japanese"], denied)
    assert key("row", "nc").hex() in str(error.value)
    assert "CC-BY-NC-4.0" in str(error.value)
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "out.partial").exists()


def test_denied_rows_are_left_out_where_the_owner_says_so_and_nothing_of_their_text_is_kept(tmp_path: Path):
    made = one(
        tmp_path,
        CASES["japanese"],
        dialogue("nc", ANSWER, [1], seeds=[seed("p", "CC-BY-NC-4.0")]),
        leave_out_denied=True,
    )
    assert (made["rows_in"], made["rows_out"], made["rejected"]) == (2, 1, {"licence_denied": 1})
    (row,) = rows_of(tmp_path, part="rejected")
    assert (row["id"], row["reason"], row["messages"]) == (key("row", "nc"), "licence_denied", None)


def test_text_of_unknown_licence_stays_inside(tmp_path: Path):
    row = dialogue("web", ANSWER, [1], seeds=[seed("p", None, rights_basis="著作権法30条の4")])
    assert one(tmp_path, row)["rows_out"] == 1
    with pytest.raises(RunError, match="stays in train_internal; the release is for share"):
        released(tmp_path / "2", [tmp_path / "instruct"], ["trl_sft"], target=SHARE)


def test_a_models_obligation_holds_at_release_though_the_row_does_not_say_it(tmp_path: Path):
    row = dialogue("small", ANSWER, [1], answer_origin="model", authors=[SMALL])
    owed = TARGET | {"model_name": "Llama-trial", "notices": ["Built with Llama", "Improved using Qwen"]}
    said = one(tmp_path, row, target=owed)["licences"]["obligations"]
    assert {o["kind"] for o in said} == {"no_publish", "name_prefix", "notice_contains"}
    with pytest.raises(RunError, match="nothing of it may be published"):
        released(
            tmp_path / "2",
            [tmp_path / "instruct"],
            ["trl_sft"],
            target=TARGET | {"purpose": "publish", "publish": True},
        )


def test_a_model_that_the_policy_does_not_know_is_denied(tmp_path: Path):
    with pytest.raises(RunError, match=r"lab/other.*not listed"):
        one(tmp_path, dialogue("other", ANSWER, [1], answer_origin="model", authors=[SMALL | {"model": "lab/other"}]))


def test_an_attribution_is_owed_to_the_document_of_a_pair_that_holds_its_digest_alone(tmp_path: Path):
    grown = seed("p", "CC-BY-4.0")
    sets = [
        generated(tmp_path / "instruct", [dialogue("by", ANSWER, [1], seeds=[grown])]),
        paired(tmp_path / "preference", [pair("by", [USER], BETTER, WORSE, document=grown["digest"])]),
    ]
    with pytest.raises(RunError, match=r"a notice must contain 'CC-BY-4.0: komeya.example.jp'"):
        released(tmp_path, sets[::-1], ["trl_dpo"])
    notices = ["CC-BY-4.0: komeya.example.jp"]
    assert released(tmp_path / "2", sets, ["trl_dpo"], target=TARGET | {"notices": notices})["rows_out"] == 1


def test_a_pair_whose_document_nobody_knows_does_not_leave_the_house(tmp_path: Path):
    sets = [paired(tmp_path / "preference", [pair("alone", [USER], BETTER, WORSE, document=key("text", "p"))])]
    assert released(tmp_path, sets, ["trl_dpo"])["rows_out"] == 1
    with pytest.raises(RunError, match="give the run's folder"):
        released(tmp_path / "2", sets, ["trl_dpo"], target=SHARE)


def test_rows_of_a_verifier_without_a_good_audit_are_left_out(tmp_path: Path):
    made = one(tmp_path, CASES["japanese"], dialogue("unaudited", ANSWER, [1], verifications=[found("keitai")]))
    assert made["rejected"] == {"unaudited_verifier": 1}
    assert "keitai" in made["unaudited"]
    (row,) = rows_of(tmp_path, part="rejected")
    assert row["detail"].startswith("keitai: its audit failed, or was not made")


def test_rows_of_draft_wordings_stay_inside_and_so_do_their_pairs(tmp_path: Path):
    drafted = dialogue("draft", ANSWER, [1], wording_state="draft")
    sets = [
        generated(tmp_path / "instruct", [CASES["japanese"], drafted]),
        paired(tmp_path / "preference", [
            pair(name, [USER], BETTER, WORSE, template=f"t/{name}") for name in ("draft", "japanese", "unheard_of")
        ]),
    ]  # fmt: skip
    assert released(tmp_path, sets, ["trl_sft", "trl_dpo"])["rejected"] == {}
    made = released(tmp_path / "2", sets, ["trl_sft", "trl_dpo"], target=SHARE)
    assert {kind: one["rejected"] for kind, one in made["shards"].items()} == {
        "chat": {"draft_wording": 1}, "preference": {"draft_wording": 2},
    }  # fmt: skip


def test_personal_data_is_masked_once_more(tmp_path: Path):
    asked = [say("user", "連絡先は？"), say("assistant", "電話は03-1234-5678です。")]
    made = one(tmp_path, dialogue("phone", asked, [1]))
    row = rows_of(tmp_path)[0]
    assert made["masked"] == row["masked"] == 1
    assert orjson.loads(row["messages"])[1]["content"] == "電話は【電話番号】です。"


def test_a_row_that_is_no_longer_what_was_verified_without_its_personal_data_is_left_out(tmp_path: Path):
    asked = [say("user", "18文字以内で"), say("assistant", "電話は03-1234-5678です。")]
    spec = {"turns": [{"turn": 1, "constraints": [{"kind": "keyword_include", "keywords": ["03-1234"]}]}]}
    made = one(tmp_path, dialogue("phone", asked, [1], spec=orjson.dumps(spec).decode()))
    assert made["rejected"] == {"personal_data": 1}
    (row,) = rows_of(tmp_path, part="rejected")
    assert row["messages"] is None
    assert row["detail"] == "verifiers said pass and say fail of what is left"


def test_what_leaves_the_house_says_its_licence(tmp_path: Path):
    with pytest.raises(RunError, match="say `licence`, an SPDX id, in `target`"):
        one(tmp_path, CASES["japanese"], target=TARGET | {"purpose": "share"})
    assert one(tmp_path, CASES["japanese"], target=SHARE)["rows_out"] == 1
    assert "Passed on under CC-BY-4.0." in (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
