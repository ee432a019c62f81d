"""Nothing here is collected: `uvx nox -s fuzz` runs these files, which find each other by their folder."""

collect_ignore_glob = ["*.py"]
