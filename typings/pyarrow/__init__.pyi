# pyarrow is compiled and carries no types; the stubs that exist (pyarrow-stubs 20) reject filters by a mask, scalars of
# unknown type and fsspec files, which are right. So its names are Any, and what is checked is our own code around them.
from typing import Any

def __getattr__(name: str) -> Any: ...
