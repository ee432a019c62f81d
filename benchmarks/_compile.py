"""Compiles the kernels of the standard recipe, so that no benchmark's time holds it: part of making the environment."""

import subprocess
import sys
import tempfile
from pathlib import Path

from _corpus import write_crawl


def main() -> None:
    """Runs web_ja over a crawl without a page."""
    with tempfile.TemporaryDirectory() as work:
        crawl = write_crawl(Path(work) / "crawl", 0)
        command = [sys.executable, "-m", "recipes.engine.cli", "run", "web_ja", "--in", f"{crawl}/*.warc.gz"]
        subprocess.run([*command, "--out", f"{work}/out"], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
