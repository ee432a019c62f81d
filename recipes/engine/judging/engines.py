"""What answers as a judge: an engine that generates, as a generation's, or a reward model.

reward: {path: FOLDER, model: …, revision: …, range: [-8, 8], tie: 0.02, max_tokens: 4096}
"""

import importlib.util
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from recipes.engine import blocks
from recipes.engine.errors import RecipeError
from recipes.engine.generation.engines import EngineChoice, choose
from synth.engine.content_key import Identity
from synth.judge.reward import KIND, NEEDS, RewardModel

INSTALL = "`uv run --extra encoder seimai …` installs it"


def chosen(spec: Mapping[str, Mapping[str, Any]], where: str) -> EngineChoice:
    """Checks a judge's `engine`. Raises RecipeError at the first thing that cannot be; no weights are read."""
    if KIND not in spec:
        return choose(spec, where)
    params, place = dict(spec[KIND]), f"{where}, engine '{KIND}'"
    blocks.checked(RewardModel, params, place)
    try:
        RewardModel(**params)
    except (ValueError, OSError) as error:
        raise RecipeError(f"{place}: {error}") from error
    missing = [name for name in NEEDS if importlib.util.find_spec(name) is None]
    return EngineChoice(KIND, params, ", ".join(missing))


@contextmanager
def reward_of(choice: EngineChoice) -> Iterator[tuple[RewardModel, Identity]]:
    """A reward model that is loaded, and who it is; the process keeps it for its next task. Raises ModelFolderError."""
    model = RewardModel(**choice.params)
    yield model, model.setup()
