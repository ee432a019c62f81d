"""The rules that decided in a run: every threshold step's rules as they were set, each with the reason that it gives.

A rule is found again from the recipe's parameters and the preset's file. The run remembers the file's hash, so a preset that was
edited since is not passed off as the one that decided.
"""

import hashlib
from dataclasses import dataclass

from curation.filters.preset import Preset, Rule, preset_names
from curation.filters.threshold import Threshold
from recipes.engine.run_folder import Run


@dataclass(frozen=True)
class RunRule:
    """A rule of a run: where it stood, the reason it rejects with, and the rule itself."""

    stage: str
    step: str
    reason: str
    rule: Rule


@dataclass(frozen=True)
class RunRules:
    """All rules of a run in the order in which they decided; `doubts` says in words where they may differ from what ran."""

    rules: list[RunRule]
    doubts: list[str]

    def of(self, stage: str) -> list[RunRule]:
        """Rules of one stage."""
        return [r for r in self.rules if r.stage == stage]

    def by_reason(self) -> dict[str, RunRule]:
        """Rules by the reason that they give; the first where two steps share a preset."""
        found: dict[str, RunRule] = {}
        for rule in self.rules:
            found.setdefault(rule.reason, rule)
        return found


def own_presets(run: Run) -> list[Preset]:
    """Rules of a run that no packaged preset has, a preset a step: the recipe's own (`rules`) and those of a file that it names.

    Each is called after what its reasons begin with and its place, `rules (curated.threshold)`. Steps that cannot be made any more
    are left out: `run_rules` says why.
    """
    found = []
    for stage, step in run.steps("threshold"):
        try:
            made = Threshold(**step["with"])
        except (ValueError, TypeError, OSError):
            continue
        found += [
            part.model_copy(update={"name": f"{part.name} ({stage}.{step['step']})"})
            for part in made.parts
            if part.name not in preset_names()
        ]
    return found


def run_rules(run: Run) -> RunRules:
    """The rules of a run's threshold steps. A preset that is gone leaves a doubt instead of its rules."""
    rules: list[RunRule] = []
    doubts: list[str] = []
    for stage, step in run.steps("threshold"):
        try:
            made = Threshold(**step["with"])
        except (ValueError, TypeError, OSError) as error:
            doubts.append(f"{stage}, {step['step']}: {error}")
            continue
        for name, content in made.artefacts().items():
            then, now = step.get("files", {}).get(name), hashlib.sha256(content).hexdigest()
            if then is not None and not now.startswith(then):
                doubts.append(f"{stage}, {step['step']}: {name} was edited after this run; bounds shown are today's")
        rules += [
            RunRule(stage, step["step"], f"{part.name}.{rule.name}", rule) for part in made.parts for rule in part.rules
        ]
    return RunRules(rules, doubts)
