from collections.abc import AsyncGenerator

from argilla_server.search_engine.base import SearchEngine

def get_search_engine() -> AsyncGenerator[SearchEngine]: ...
