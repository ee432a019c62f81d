"""Argilla's own command line with the embedded engine registered, run by the interpreter of Argilla's environment.

    PYTHON launch.py start SOCKET          PYTHON launch.py worker

Argilla imports nothing that is not its own, so whoever adds an engine imports it first. The project's other packages must not become
importable here (their dependencies are of other versions), so its folder does not go on the path: the two packages above this file
are imported by their files. The worker's children are forked and inherit the registry.
"""

import importlib.util
import socket
import sys
from pathlib import Path

SERVER = Path(__file__).resolve().parents[1]


def import_by_path(name: str, folder: Path) -> None:
    """Imports a package from its folder, so that `import name.…` finds what is in it."""
    spec = importlib.util.spec_from_file_location(
        name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"{folder}: no package is here")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)


def start(handle: int) -> None:
    """What Argilla's own `start` does, on a socket that listens already and was inherited under this number."""
    import uvicorn

    server = uvicorn.Server(uvicorn.Config("argilla_server:app", access_log=False))
    server.run(sockets=[socket.socket(fileno=handle)])
    if not server.started:
        sys.exit(3)  # uvicorn's own status for a start that failed


def main() -> None:
    """Registers the engine, then prepares a home (`prepare`, `reindex DATASET…`) or hands over to Argilla, closed (`only_own.py`)."""
    sys.path = [entry for entry in sys.path if Path(entry or ".").resolve() != Path(__file__).resolve().parent]
    import_by_path("annotation", SERVER.parent)
    import_by_path("annotation.server", SERVER)
    import annotation.server.engine.embedded  # noqa: F401  (registers itself)

    if sys.argv[1:2] in (["prepare"], ["reindex"]):
        from annotation.server.engine.prepare import prepare, reindex

        if sys.argv[1] == "prepare":
            prepare(sys.stdin.read())
        else:
            reindex(sys.argv[2:])
        return
    if sys.argv[1:2] == ["start"]:
        from annotation.server.engine.only_own import close

        close()
    from argilla_server.cli import app

    if sys.argv[1:2] == ["start"]:
        start(int(sys.argv[2]))
    else:
        app()


if __name__ == "__main__":
    main()
