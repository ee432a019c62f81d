"""A recipe that generates is held against the policy before anything starts."""

import pytest

from recipes.engine.errors import RecipeError
from recipes.engine.generation_policy import check_generation
from recipes.engine.recipe_file import packaged
from synth.obligations import Target

SMOL = "HuggingFaceTB/SmolLM2-135M-Instruct"
TARGET = Target("Llama-trial", "train_internal", False)


def test_a_recipe_of_listed_models_passes():
    assert check_generation("instruct.yaml", [SMOL], ["http://127.0.0.1:8000"], TARGET).models


@pytest.mark.parametrize(
    ("models", "addresses", "target", "said"),
    [
        ([SMOL, "openai/gpt-4o"], [], TARGET, "instruct.yaml: model openai/gpt-4o: OpenAI: the terms forbid"),
        ([SMOL], ["https://api.anthropic.com/v1"], TARGET, "is an address of Anthropic"),
        ([SMOL], [], None, "has no `target`"),
        (["lab/unheard-of"], [], TARGET, "not listed in policy.yaml"),
    ],
)
def test_a_denied_judge_address_or_release_is_refused_with_its_reason(models, addresses, target, said):
    with pytest.raises(RecipeError, match=said):
        check_generation("instruct.yaml", models, addresses, target)


def test_the_policy_is_no_recipe():
    assert "policy" not in packaged()
