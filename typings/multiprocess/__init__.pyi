# multiprocess takes its names from multiprocessing when it is imported, where no checker sees them.
from typing import Any

def __getattr__(name: str) -> Any: ...
