"""Argilla's page asks nothing of anybody but its own server: its style sheet wants fonts of Google's, and a text that is shown as
Markdown may name a picture that lies elsewhere, which would tell its owner who reads what and when.

A browser obeys the header (Content Security Policy, level 3); Argilla itself is not changed.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]

POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; font-src 'self' data:; "
    "img-src 'self' data: blob:; media-src 'self' data: blob:; worker-src 'self' blob:; object-src 'none'; base-uri 'self'; "
    "frame-ancestors 'none'"
)
"""Argilla's scripts and styles stand in the page itself."""


class OnlyOwn:
    """An ASGI application whose answers carry the policy."""

    def __init__(self, app: Callable[..., Awaitable[None]]):
        self.app = app

    async def __call__(self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Send) -> None:
        """Answers a request."""

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (b"content-security-policy", POLICY.encode())]
            await send(message)

        await self.app(scope, receive, sent)


def close() -> None:
    """Puts the policy before Argilla's application, which must not have started yet."""
    from argilla_server._app import app

    app.add_middleware(OnlyOwn)
