"""What we use of uvicorn, which is in the environment of Argilla's server alone."""

from collections.abc import Sequence
from socket import socket

class Config:
    def __init__(self, app: str, *, access_log: bool = ...) -> None: ...

class Server:
    started: bool
    def __init__(self, config: Config) -> None: ...
    def run(self, sockets: Sequence[socket] | None = ...) -> None: ...
