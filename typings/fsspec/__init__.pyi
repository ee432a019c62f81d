# fsspec's own annotations give an open file as text or bytes whatever its mode; ours are always bytes. So its names are Any.
from typing import Any

def __getattr__(name: str) -> Any: ...
