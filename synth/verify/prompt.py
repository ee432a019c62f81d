"""The prompt of an answer as verifiers read it: the message list, and the texts in it."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any


class Prompt:
    """A prompt: one user message given as text, or the whole message list (`role`, `content`)."""

    def __init__(self, prompt: "Prompt | str | Sequence[Mapping[str, Any]]"):
        if isinstance(prompt, Prompt):
            self.messages: tuple[Mapping[str, Any], ...] = prompt.messages
        elif isinstance(prompt, str):
            self.messages = ({"role": "user", "content": prompt},) if prompt else ()
        else:
            self.messages = tuple(prompt)

    def text_of(self, *roles: str) -> str:
        """Contents of the messages with these roles, in order, a blank line between."""
        contents = (m.get("content") for m in self.messages if m.get("role") in roles)
        return "\n\n".join(content for content in contents if isinstance(content, str))

    @cached_property
    def user(self) -> str:
        """What the user wrote, all turns."""
        return self.text_of("user")

    @cached_property
    def system(self) -> str:
        """What the system message says."""
        return self.text_of("system", "developer")
