from typing import Any

class _Application:
    def add_middleware(self, middleware_class: Any) -> None: ...

app: _Application
