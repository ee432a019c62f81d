"""How a model's chat is written as raw text: what Magpie needs, where the model writes the user's turn (Xu+24, arXiv 2406.08464).

A chat template ends where the assistant begins; to let the model write what a user would say, the text must end where the user
begins. Templates cannot be asked for that, so the forms of the usual families are stated here; a recipe names the one of its model.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ChatForm:
    """One family's form.

    turn: a whole message with {role} and {content}. opened: how a message of a {role} begins. stop: what ends one. begin: what
    stands before everything. roles: names of roles that differ from the API's.
    """

    turn: str
    opened: str
    stop: tuple[str, ...]
    begin: str = ""
    roles: Mapping[str, str] | None = None

    def before(self, messages: Iterable[Mapping[str, Any]], role: str) -> str:
        """Raw text of the messages, ending where a message of the role begins.

        >>> FORMS["chatml"].before([{"role": "system", "content": "丁寧に。"}], "user")
        '<|im_start|>system\\n丁寧に。<|im_end|>\\n<|im_start|>user\\n'
        """
        names = self.roles or {}
        text = self.begin
        for message in messages:
            text += self.turn.format(role=names.get(message["role"], message["role"]), content=message["content"])
        return text + self.opened.format(role=names.get(role, role))


FORMS: dict[str, ChatForm] = {
    "chatml": ChatForm(
        "<|im_start|>{role}\n{content}<|im_end|>\n", "<|im_start|>{role}\n", ("<|im_end|>", "<|im_start|>")
    ),
    "llama3": ChatForm(
        "<|start_header_id|>{role}<|end_header_id|>\n\n{content}<|eot_id|>",
        "<|start_header_id|>{role}<|end_header_id|>\n\n",
        ("<|eot_id|>", "<|start_header_id|>"),
        begin="<|begin_of_text|>",
    ),
    "gemma": ChatForm(
        "<start_of_turn>{role}\n{content}<end_of_turn>\n",
        "<start_of_turn>{role}\n",
        ("<end_of_turn>", "<start_of_turn>"),
        begin="<bos>",
        roles={"assistant": "model", "system": "user"},
    ),
}
"""chatml: Qwen, SmolLM2 and many others; llama3: Llama 3 and what is built on it; gemma: Gemma 1 to 3."""
