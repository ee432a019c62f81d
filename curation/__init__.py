"""Pages as rows, and the steps that turn a crawl into curated shards: start with `document.py` and `step.py`."""

import os
import sys

_LOCATORS = [f"curation.kernel_cache.{name}" for name in ("Chosen", "InTree", "UserWide")]
_LOCATORS += ["UserProvidedCacheLocator", "InTreeCacheLocator", "UserWideCacheLocator", "IPythonCacheLocator"]

# numba reads this when it is imported, so it is said before any kernel is (see `curation/kernel_cache.py`)
os.environ.setdefault("NUMBA_CACHE_LOCATOR_CLASSES", ",".join(_LOCATORS))
if "numba" in sys.modules:
    sys.modules["numba"].config.CACHE_LOCATOR_CLASSES = os.environ["NUMBA_CACHE_LOCATOR_CLASSES"]
