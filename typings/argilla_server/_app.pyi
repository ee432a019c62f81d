from typing import Any

class _Application:
    def add_middleware(self, middleware_class: type[Any]) -> None: ...

app: _Application
