"""The policy: what is not listed is denied, the strictest of a provenance wins, a release keeps every obligation or is refused."""

from pathlib import Path

import pytest
import yaml

from synth.engine.content_key import Identity
from synth.models import ALLOWED, Ruling, check_release
from synth.obligations import Obligation, PolicyError, Target
from synth.policy_file import load_policy
from synth.weights import ModelFolderError, licence_texts, weigh

PACKAGED = Path(__file__).resolve().parents[2] / "recipes" / "policy.yaml"
SMOL = "HuggingFaceTB/SmolLM2-135M-Instruct"
SMOL_WEIGHTS = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
REVIEW = {
    "licence": "Apache-2.0",
    "reviewer": "lab",
    "date": "2026-11-01",
    "reason": "read",
    "link": "https://example.jp",
}


def entry(model: str, status: str = "allow", **other) -> dict:
    own = {
        "model": model,
        "revision": "r1",
        "weights": f"hash of {model}",
        "licence_sha256": "one text",
        "source": "a folder",
    }
    return REVIEW | own | {"status": status} | other


@pytest.fixture
def policy(tmp_path):
    """Makes a policy from entries."""

    def made(*models, **other):
        path = tmp_path / "policy.yaml"
        path.write_text(yaml.safe_dump({"version": "1", "models": list(models)} | other, allow_unicode=True))
        return load_policy(path)

    return made


def ruling(policy, model):
    return policy.of_model(model, "r1", f"hash of {model}")


def test_a_listed_model_is_what_its_entry_says(policy):
    assert ruling(policy(entry("lab/a")), "lab/a") == ALLOWED


def test_another_revision_or_weight_hash_is_another_model(policy):
    known = policy(entry("lab/a"))
    assert known.of_model("lab/a", "r2", "hash of lab/a").status == "deny"
    other = known.of_model("lab/a", "r1", "another")
    assert other.status == "deny"
    assert "listed are revision r1" in other.reasons[0]


def test_a_known_licence_text_allows_no_unlisted_model(policy):
    """Both would carry the licence text of hash 'one text': only the listed one is allowed."""
    assert ruling(policy(entry("lab/a")), "lab/b").status == "deny"


def test_a_model_that_stands_on_forbidden_output_is_denied_although_its_own_licence_is_open(policy):
    known = policy(
        entry("lab/tuned", upstream=["data:chat"]),
        data=[REVIEW | {"id": "chat", "status": "allow", "upstream": ["model:openai/gpt-4"]}],
        providers=[
            {
                "name": "OpenAI",
                "hosts": [],
                "models": ["openai/*"],
                "calls_itself": ["OpenAI"],
                "reason": "terms",
                "link": "x",
            }
        ],
    )
    assert ruling(known, "lab/tuned").status == "deny"
    assert "OpenAI: terms" in ruling(known, "lab/tuned").reasons[0]


def test_an_upstream_that_is_not_listed_denies(policy):
    assert ruling(policy(entry("lab/tuned", upstream=["model:unknown/base"])), "lab/tuned").status == "deny"


def test_the_strictest_status_wins_and_obligations_are_united(policy):
    known = policy(
        entry("lab/a"),
        entry("lab/b", "conditional", obligations=[{"name_prefix": "Llama"}]),
        entry("lab/judge", "conditional", obligations=["no_publish", {"notice_contains": "Built with B"}]),
    )
    whole = ruling(known, "lab/a") | ruling(known, "lab/b") | ruling(known, "lab/judge")
    assert whole.status == "conditional"
    assert {(o.kind, o.value) for o in whole.obligations} == {
        ("name_prefix", "Llama"), ("no_publish", ""), ("notice_contains", "Built with B"),
    }  # fmt: skip


def test_a_denied_judge_denies_the_row_it_judged(policy):
    known = policy(entry("lab/a"), entry("lab/judge", "deny"))
    with pytest.raises(PolicyError, match="lab/judge: read"):
        check_release([ruling(known, "lab/a"), ruling(known, "lab/judge")], Target("m", "train_internal", False))


def test_a_circle_of_upstreams_is_said(policy):
    with pytest.raises(PolicyError, match="upstream of itself"):
        policy(entry("lab/a", upstream=["model:lab/b"]), entry("lab/b", upstream=["model:lab/a"]))


TARGET = Target(
    "Llama-ja-1", "share", False, ("Built with Llama", "© 作者"), "CC-BY-SA-4.0", {"legal": "A, 2026-11-02"}
)


@pytest.mark.parametrize(
    ("obligation", "kept", "broken"),
    [
        (Obligation("name_prefix", "Llama"), TARGET, {"model_name": "ja-Llama"}),
        (Obligation("notice_contains", "Built with Llama"), TARGET, {"notices": ("built by us",)}),
        (Obligation("attribution", "作者"), TARGET, {"notices": ()}),
        (Obligation("share_alike", "CC-BY-SA-4.0 | GPL-3.0-only"), TARGET, {"licence": "CC-BY-4.0"}),
        (Obligation("share_alike", "CC-BY-SA-4.0"), TARGET, {"licence": None}),
        (Obligation("no_publish"), TARGET, {"publish": True}),
        (Obligation("no_publish"), TARGET, {"purpose": "publish"}),
        (Obligation("signoff_by", "legal"), TARGET, {"signoffs": {}}),
        (Obligation("signoff_by", "legal"), TARGET, {"signoffs": {"legal": "A"}}),
    ],
    ids=lambda v: v.kind if isinstance(v, Obligation) else "",
)
def test_each_obligation_is_kept_or_named(obligation, kept, broken):
    conditional = Ruling("conditional", (), frozenset({obligation}))
    assert check_release([conditional], kept).obligations == {obligation}
    with pytest.raises(PolicyError, match="does not keep its obligations"):
        check_release([conditional], Target(**(vars(kept) | broken)))


def test_share_alike_asks_nothing_of_what_stays_in_the_house():
    conditional = Ruling("conditional", (), frozenset({Obligation("share_alike", "CC-BY-SA-4.0")}))
    check_release([conditional], Target("m", "train_internal", False))


def test_a_release_that_stays_inside_is_not_published_either():
    with pytest.raises(PolicyError, match="what is published is not inside"):
        check_release([], Target("m", "train_internal", True))


def test_all_that_is_missing_is_said_at_once():
    both = frozenset({Obligation("name_prefix", "Llama", "A"), Obligation("signoff_by", "legal", "B")})
    with pytest.raises(
        PolicyError, match=r"must begin with 'Llama' \(A\), it is 'm'; signoffs must name who signed as 'legal'"
    ):
        check_release([Ruling("conditional", (), both)], Target("m", "train_internal", False))


def test_obligations_that_cannot_hold_together_name_both():
    for one, other, said in (
        (
            Obligation("name_prefix", "Llama", "A"),
            Obligation("name_prefix", "Gemma", "B"),
            r"'Gemma' \(B\) and 'Llama' \(A\)",
        ),
        (
            Obligation("share_alike", "GPL-2.0-only", "A"),
            Obligation("share_alike", "CC-BY-SA-4.0", "B"),
            r"\(B\) and .*\(A\)",
        ),
    ):
        with pytest.raises(PolicyError, match=said):
            check_release([Ruling("conditional", (), frozenset({one, other}))], TARGET)


def test_a_release_without_target_is_refused():
    with pytest.raises(PolicyError, match="has no `target`"):
        check_release([ALLOWED], None)


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ({"reason": ""}, "model lab/a: lacks reason"),
        ({"licence_sha256": None}, "model lab/a: lacks licence_sha256"),
        ({"status": "maybe"}, "must be allow, conditional or deny, not 'maybe'"),
        ({"obligations": ["be_nice"]}, "there is no obligation 'be_nice'"),
        ({"obligations": ["name_prefix"]}, "name_prefix needs a value"),
        ({"obligations": [{"no_publish": "x"}]}, "no_publish takes no value"),
    ],
)
def test_a_policy_that_says_nothing_clear_is_refused_with_its_entry(policy, broken, said):
    with pytest.raises(PolicyError, match=said):
        policy(entry("lab/a") | broken)


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ({"documents": {"CC-BY-4.0": {"kind": "opne"}}}, "documents, CC-BY-4.0: kind is one of open, public, denied, not 'opne'"),
        ({"documents": {"CC-BY-4.0": None}}, "documents, CC-BY-4.0: kind is one of"),
        ({"documents": {"X": {"kind": "open", "obligations": ["be_nice"]}}}, "documents, X: there is no obligation 'be_nice'"),
        ({"unknown_web": [{"basis": "b", "purposes": ["sell"], "reviewer": "r", "date": "d", "reason": "x"}]}, "no purpose 'sell'"),
        ({"declared": [{"model": "lab/a", "revision": "r1"}]}, "declared: lacks signed_by, date, reason"),
        ({"families": [{"name": "f", "models": ["lab/*"], "status": "no", "reason": "r", "link": "l"}]}, "family f: status must be"),
    ],
)  # fmt: skip
def test_so_is_one_about_documents_servers_and_families(policy, part, said):
    with pytest.raises(PolicyError, match=said):
        policy(**part)


def test_a_denied_family_denies_a_model_that_somebody_listed(policy):
    family = {"name": "F", "models": ["lab/*"], "status": "deny", "reason": "not read", "link": "l"}
    denied = ruling(policy(entry("lab/a"), families=[family]), "lab/a")
    assert (denied.status, denied.reasons[0]) == ("deny", "model lab/a (F): not read (l)")


def test_a_name_that_a_server_is_asked_by_is_held_against_the_policy_too(packaged):
    packaged.check_called("tiny", "the server")
    with pytest.raises(PolicyError, match="the server is asked for gpt-4o: OpenAI: the terms forbid"):
        packaged.check_called("gpt-4o", "the server")


def test_before_weights_are_hashed_the_licence_text_is_that_of_an_entry(folder, policy):
    texts = licence_texts(folder)
    known = policy(entry("lab/a") | {"licence_sha256": texts["LICENSE"]})
    known.check_reviewed("lab/a", "r1", texts, "folder")
    (folder / "LICENSE").write_text("Apache, but not for you")
    with pytest.raises(PolicyError, match="folder: its licence text is not the one that was reviewed for lab/a"):
        known.check_reviewed("lab/a", "r1", licence_texts(folder), "folder")
    with pytest.raises(ModelFolderError, match="there is no such model folder or file"):
        licence_texts(folder / "other")


# --- the policy that comes with the project ---


@pytest.fixture(scope="module")
def packaged():
    """recipes/policy.yaml."""
    return load_policy(PACKAGED)


@pytest.mark.parametrize(
    "url",
    [
        "https://api.openai.com/v1",
        "api.anthropic.com",
        "https://lab.openai.azure.com/openai",
        "https://API.X.AI/v1",
        "https://generativelanguage.googleapis.com/v1beta/openai/",
        "eu.api.openai.com",
        "https://claude.ai/x",
        "us-west-1.api.x.ai:443",
        "https://foo.services.ai.azure.com/v1",
        "https://bedrock-runtime.us-east-1.amazonaws.com",
        "https://bedrock-mantle.us-east-1.api.aws/v1",
        "https://vpce-1.bedrock-runtime.us-east-1.vpce.amazonaws.com",
        "https://us-central1-aiplatform.googleapis.com/v1",
        "https://aiplatform.googleapis.com/v1",
        "https://api.cohere.ai/v1",
        "https://api.mistral.ai/v1",
    ],
)
def test_addresses_of_denied_providers_are_refused(packaged, url):
    with pytest.raises(PolicyError, match="is an address of"):
        packaged.check_host(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8000",
        "https://gateway.lab.example.jp/v1",
        "https://myapi.openai.com.example.jp",
        "https://ec2-3-1-1-1.compute.amazonaws.com:8000/v1",
    ],
)
def test_other_addresses_are_not(packaged, url):
    packaged.check_host(url)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ("openai/gpt-4o", "OpenAI: the terms forbid"),
        ("gpt-4o-mini", "OpenAI: the terms forbid"),
        ("claude-sonnet-5", "Anthropic"),
        ("azure/gpt-4o", "OpenAI: the terms forbid"),
        ("anthropic.claude-3-5-sonnet-20240620-v1:0", "Anthropic"),
        ("bedrock/us.anthropic.claude-3-5-sonnet", "Anthropic"),
        ("databricks-claude-sonnet-4", "Anthropic"),
        ("openrouter/x-ai/grok-4", "xAI"),
        ("openrouter/openai/o3-mini:free", "OpenAI"),
        ("our_gpt_4o_deployment", "OpenAI"),
        ("vertex_ai/gemini-2.5-pro", "Google Gemini API"),
        ("cohere.command-r-plus-v1:0", "Cohere"),
        ("claude-fans/own-model", "not listed in policy.yaml"),
        ("o1-lab/own-model", "not listed in policy.yaml"),
        ("meta-llama/Meta-Llama-3-70B-Instruct", "forbids using output to improve other models"),
        ("sbintuitions/sarashina2.2-3b-instruct-v0.1", "not read yet"),
        ("somebody/unheard-of", "not listed in policy.yaml, so it is denied"),
        ("tokyotech-llm/Qwen3-Swallow-32B", "its family .* is allow: .* review it and add an entry"),
    ],
)
def test_a_recipe_that_names_a_denied_model_is_refused_before_anything_starts(packaged, model, reason):
    with pytest.raises(PolicyError, match=reason):
        packaged.check_named([SMOL, model])


def test_gpt_oss_is_no_model_of_the_api_also_behind_a_gateway(packaged):
    for name in ("openrouter/openai/gpt-oss-120b", "openai.gpt-oss-120b-1:0", "Mistral-Small-3.2-24B-Instruct-2506"):
        packaged.check_called(name, "the server")
    with pytest.raises(PolicyError, match="its family \\(gpt-oss\\) is allow"):
        packaged.check_named(["openai/gpt-oss-120b"])


def test_the_small_model_stands_on_llama_and_qwen_and_is_for_trials(packaged):
    own = packaged.of_model(SMOL, "0.1.2", SMOL_WEIGHTS)
    assert own.status == "conditional"
    trial = Target("Llama-trial", "train_internal", False, ("Built with Llama", "Improved using Qwen"))
    check_release([own], trial)
    with pytest.raises(PolicyError, match="nothing of it may be published"):
        check_release([own], Target("Llama-trial", "publish", True, trial.notices))


def test_a_declared_server_is_denied_until_somebody_signs_for_it(policy):
    declared = Identity("lab/a", "r1", "declared:00", "server/vllm", "1")
    assert "has no `declared` line" in policy(entry("lab/a")).of_author(declared).reasons[0]
    line = {"model": "lab/a", "revision": "r1", "signed_by": "operator", "date": "2026-11-01", "reason": "own cluster"}
    signed = policy(entry("lab/a"), declared=[line]).of_author(declared)
    assert signed.status == "conditional"
    assert "on the word of operator" in signed.reasons[0], "which the card prints"
    assert policy(declared=[line]).of_author(declared).status == "deny", "a signature is no entry"
    assert policy(entry("lab/a", "deny"), declared=[line]).of_author(declared).status == "deny"


# --- weights on disk ---


@pytest.fixture
def folder(tmp_path):
    """A model folder in Hugging Face's layout."""
    files = {
        "model.safetensors": "w",
        "config.json": "{}",
        "tokenizer.json": "t",
        "README.md": "r",
        "LICENSE": "Apache",
    }
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    return tmp_path


def test_weights_are_all_files_that_decide_and_no_others(folder):
    before = weigh(folder)
    assert sorted(before.files) == ["config.json", "model.safetensors", "tokenizer.json"]
    (folder / "README.md").write_text("other")
    assert weigh(folder).sha256 == before.sha256
    (folder / "tokenizer.json").write_text("other")
    assert weigh(folder).sha256 != before.sha256


def test_a_model_folder_without_licence_is_refused(folder):
    (folder / "LICENSE").unlink()
    with pytest.raises(ModelFolderError, match="no licence text"):
        weigh(folder)


def test_a_licence_text_that_changed_is_refused(folder, policy):
    weights = weigh(folder)
    identity = Identity("lab/a", "r1", weights.sha256, "vllm", "1", verified=True)
    known = policy(entry("lab/a") | {"weights": weights.sha256, "licence_sha256": weights.licences["LICENSE"]})
    known.check_licence_text(identity, weights)
    (folder / "LICENSE").write_text("Apache, but not for you")
    with pytest.raises(PolicyError, match="its licence text is not the one that was reviewed"):
        known.check_licence_text(identity, weigh(folder))


def test_a_folder_without_weights_is_no_model(tmp_path):
    with pytest.raises(ModelFolderError, match="holds no weights"):
        weigh(tmp_path)
