"""What a task on Ray is given of the command that it belongs to: its folder, its Python path, and the keys of its stores.

A worker of Ray has the folder and the environment of the `ray start` that began its node: a path that is relative here would lie
elsewhere there, and keys that were exported for the command would not be there at all. They go as an argument of each call, which
lives in memory: as a job's `runtime_env` they would stand in Ray's logs, in `ray list` and on its dashboard.
"""

import contextlib
import os
import sys
from dataclasses import dataclass, field

from curation.secrets_left_out import SECRET

STORES = ("AWS_", "AZURE_", "FSSPEC_", "GCSFS_", "GOOGLE_", "HF_TOKEN", "HF_ENDPOINT")
"""How variables begin that clients of stores read."""
_TEMPORARY = ("AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_PROFILE")
"""What of a node's own would be taken together with a key of the command."""


@dataclass(frozen=True)
class Surroundings:
    """The folder, paths of modules beside the environment's own, and variables; the latter are in no message about it."""

    folder: str
    paths: tuple[str, ...]
    variables: dict[str, str] = field(repr=False)

    @classmethod
    def here(cls, tasks: bytes) -> "Surroundings":
        """Those of this process, for pickled tasks: of its secret variables only those of stores, and those that the tasks name."""
        paths = [os.path.abspath(p) for p in sys.path if p and not p.startswith((sys.prefix, sys.base_prefix))]
        given = {
            name: value
            for name, value in os.environ.items()
            if name.startswith(STORES) or (SECRET.search(name) and name.encode() in tasks)
        }
        return cls(os.getcwd(), tuple(paths), given)

    def enter(self) -> None:
        """Makes this process's surroundings these. Where the folder is not there, only whole paths and URLs can be read."""
        sys.path += [p for p in self.paths if p not in sys.path]
        with contextlib.suppress(OSError):
            os.chdir(self.folder)
        if "AWS_ACCESS_KEY_ID" in self.variables:
            for name in _TEMPORARY:
                os.environ.pop(name, None)
        os.environ |= self.variables
        from fsspec.config import conf, set_conf_env

        set_conf_env(conf)  # FSSPEC_… is read when fsspec is imported, which unpickling this has done
