"""The protocol of a task: what it makes, and how a recipe finds it by name.

An instance is a whole dialogue with the turns that are to be answered left open. Each open turn says by constraints what an answer
must satisfy, and has a program-made answer where one can be made; who answers (program or model) is the recipe's to say. So the
machine-readable spec names every turn that it judges, and the text of the prompt is made from the same values as the spec.
"""

import difflib
import importlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

from curation.provenance import key
from synth.engine.content_key import canonical
from synth.engine.request import Structure
from synth.seed import Seed
from synth.tasks.draw import Draw
from synth.verify.constraint import Constraint, parse
from synth.verify.feasibility import require_feasible
from synth.wordings import Split, WordingError, Wordings, wordings

TASKS: dict[str, str] = {
    "coding": "synth.tasks.coding:Coding",
    "constraints": "synth.tasks.constraints:Constraints",
    "dialogue": "synth.tasks.dialogue:Dialogue",
    "domain": "synth.tasks.domain:Domain",
    "extraction": "synth.tasks.extraction:Extraction",
    "function_calling": "synth.tasks.function_calling:FunctionCalling",
    "magpie": "synth.tasks.magpie:Magpie",
    "mathematics": "synth.tasks.mathematics:Mathematics",
    "multiple_choice": "synth.tasks.multiple_choice:MultipleChoice",
    "other_language": "synth.tasks.other_language:OtherLanguage",
    "poems": "synth.tasks.poems:Poems",
    "quotation": "synth.tasks.quotation:Quotation",
    "reading": "synth.tasks.reading:Reading",
    "refusal": "synth.tasks.refusal:RefusalTwins",
    "rewriting": "synth.tasks.rewriting:Rewriting",
    "summarise": "synth.tasks.summarise:Summarise",
    "terms": "synth.tasks.terms:Terms",
}
"""Every task by the name that recipes use."""


class TaskError(ValueError):
    """A task that cannot be made as the recipe says, or an instance that breaks the protocol."""


@dataclass(frozen=True)
class Turn:
    """One message of a dialogue.

    content: its text; None for a turn that is to be answered. checks: what an answer must satisfy, the spec of this turn (of an
    assistant's turn, or of a user's turn that the model writes itself). answer: the program-made one, None where no program can
    make it. train: whether a trainer may learn from the turn once it has passed; a turn with content that no program
    checked is context and never trains. structure: the form that a model's answer is held to. max_tokens: of a model's answer;
    None takes the recipe's. extra: other keys of the message (`tool_calls`, `tool_call_id`, `name`).
    """

    role: Literal["system", "user", "assistant", "tool"]
    content: str | None = None
    checks: tuple[Constraint, ...] = ()
    answer: str | None = None
    train: bool = True
    structure: Structure | None = None
    max_tokens: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def open(self) -> bool:
        """Whether it is to be answered."""
        return self.content is None

    def message(self, content: str | None = None) -> dict[str, Any]:
        """The turn as a message; `content` for an open one."""
        return {"role": self.role, "content": self.content if content is None else content, **self.extra}


@dataclass(frozen=True)
class Instance:
    """One instance of a task: a dialogue with open turns.

    turns: in order, the last one open. template: id of the wording that counts as its template for caps (the ask). seeds: what it
    grew from, as `synth.dialogue.SEED`, beside the passage, which is added for it. tools: as in the OpenAI API. lang: ISO 639-1 of
    the answers. domain: None for none. twin: instances with the same name are one for novelty (an answerable question and the
    same one without its answer); "" for none. about: what novelty looks at, where the whole of the user's text would be
    wrong; "" for that.
    """

    turns: tuple[Turn, ...]
    template: str
    seeds: tuple[Mapping[str, Any], ...] = ()
    tools: tuple[Mapping[str, Any], ...] = ()
    lang: str = "ja"
    domain: str | None = None
    twin: str = ""
    about: str = ""

    def __post_init__(self) -> None:
        if not self.turns or not self.turns[-1].open:
            raise TaskError(f"{self.template}: the last turn of an instance is the one to be answered")
        for i, turn in enumerate(self.turns):
            if turn.open and not turn.checks:
                raise TaskError(
                    f"{self.template}: turn {i} is to be answered and has no checks: nobody could tell a right answer"
                )
            if turn.open and turn.role not in ("assistant", "user"):
                raise TaskError(f"{self.template}: turn {i}: nobody writes a {turn.role} turn")
            if turn.role == "tool" and "tool_call_id" not in turn.extra:
                raise TaskError(
                    f"{self.template}: turn {i}: a tool answers a call, and the turn names none (tool_call_id)"
                )
            require_feasible(turn.checks)

    @property
    def program(self) -> bool:
        """Whether a program can answer every open turn."""
        return all(turn.answer is not None for turn in self.turns if turn.open)

    @property
    def said(self) -> str:
        """What novelty and decontamination look at: `about`, or everything that users and system say."""
        told = (t.content for t in self.turns if t.role in ("user", "system") and t.content is not None)
        return self.about or "\n".join(told)

    def spec(self) -> dict[str, Any]:
        """The machine-readable spec: every open turn by its place, with its constraints."""
        turns = [
            {"turn": i, "constraints": [c.as_json() for c in turn.checks]}
            for i, turn in enumerate(self.turns)
            if turn.open
        ]
        return {"turns": turns}

    def key(self) -> bytes:
        """Identity of the prompt: hash of spec, turns and tools. Instances with the same one ask the same."""
        return prompt_key(self.spec(), [[t.role, t.content, dict(t.extra)] for t in self.turns], list(self.tools))


def prompt_key(spec: Mapping[str, Any], turns: Sequence[Any], tools: Sequence[Any]) -> bytes:
    """Hash of a prompt: its spec, its turns (role, text or None where it is to be answered, other keys), its tools."""
    return key("prompt", canonical([spec, turns, tools]))


def read_spec(spec: Mapping[str, Any]) -> dict[int, tuple[Constraint, ...]]:
    """Constraints of each judged turn, from a stored spec. Raises SpecError."""
    return {turn["turn"]: tuple(parse(c) for c in turn["constraints"]) for turn in spec["turns"]}


class Task(ABC):
    """Makes instances of one function. Parameters of `__init__` are what a recipe may say of it, all by keyword.

    function: what of an assistant it teaches. version: grows whenever the same draw may give another. members: instances that
    are drawn alike (2 for twins): `draw.member` tells them apart, 0 being the first.
    group: its file in `synth/prompts/`. passage: whether each instance grows from a passage of a curated page.
    use: how rows use that passage (`synth.rights.Use`). paths: parameters that may name files of one's own. exempt: kinds of a
    recipe's `conduct` that do not hold for its answers (a call is no Japanese sentence).
    """

    name: ClassVar[str]
    function: ClassVar[str]
    version: ClassVar[str]
    group: ClassVar[str]
    passage: ClassVar[bool] = False
    members: ClassVar[int] = 1
    use: ClassVar[Literal["embeds", "derives", "topic"]] = "derives"
    exempt: ClassVar[tuple[str, ...]] = ()
    paths: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def make(self, draw: Draw, passage: Seed | None) -> Instance | None:
        """One instance; None where this passage does not serve (no number to ask for). The same draw gives the same instance."""

    def words(self) -> Wordings:
        """Its wordings."""
        return wordings(self.group)

    def files(self) -> tuple[Path, ...]:
        """Files beside the project's own that its instances depend on: a recipe's fingerprint holds their content."""
        return ()

    def needs(self) -> tuple[str, ...]:
        """Parts of its wordings without which it cannot make an instance; all, unless it says otherwise."""
        return self.words().parts


def instance(
    task: Task,
    number: int,
    salt: str,
    passage: Seed | None = None,
    split: Split = "train",
    words: Wordings | None = None,
) -> tuple[Instance, Draw] | None:
    """Instance `number` of a task, and what was drawn for it; None where the passage does not serve.

    The draw depends on the task's name and version, the recipe's salt, the number and the passage. words: those of its wordings that
    may be used; all when not given. Raises TaskError.
    """
    group, member = divmod(number, task.members)
    ident = key("instance", task.name, task.version, salt, group, b"" if passage is None else passage.digest)
    draw = Draw(ident, task.words() if words is None else words, split, member)
    try:
        made = task.make(draw, passage)
    except WordingError as error:
        raise TaskError(f"task {task.name}: {error}") from error
    return None if made is None else (made, draw)


def task_class(name: str, where: str) -> type[Task]:
    """The class of a task. Raises TaskError naming the nearest one."""
    if name not in TASKS:
        near = difflib.get_close_matches(name, TASKS, 1)
        hint = f"did you mean '{near[0]}'?" if near else f"tasks: {', '.join(sorted(TASKS))}"
        raise TaskError(f"{where}: there is no task '{name}'; {hint}")
    module, _, cls = TASKS[name].partition(":")
    return getattr(importlib.import_module(module), cls)


def checks(*specs: Mapping[str, Any] | None) -> tuple[Constraint, ...]:
    """Constraints from their stored forms; None ones are left out.

    >>> [c.kind for c in checks({"kind": "keitai", "style": "keitai"}, None)]
    ['keitai']
    """
    return tuple(parse(spec) for spec in specs if spec is not None)
