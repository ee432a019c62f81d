"""What is told of an error that a task raised, wherever it ran: its class, its words and its traceback, without secrets.

Errors of stores that are asked over a network have a class of their own in each client. Here they are two: REFUSED, which no other
try betters (a token that has expired, a bucket that may not be read), and STORE, which is worth another try of the whole task when
the client has given up.
"""

import errno
import traceback

from curation.secrets_left_out import without_secrets
from curation.store_error import is_remote

STORE, REFUSED = "StoreAnswer", "StoreRefusal"
_REFUSALS = ("NoCredentialsError", "PartialCredentialsError", "ProfileNotFound", "TokenRetrievalError")
PLAIN = (
    "InputError",
    "IndexRefused",
    "PolicyError",
    "EngineError",
    "ModelFolderError",
    "TaskError",
    "StoreError",
    "GpuMissing",
    "ScoreError",
    "ShardError",
    "BadFile",
    "BadParquet",
    REFUSED,
)
"""Errors that say all there is to say; the others are told with their traceback."""
_MACHINE = (errno.EIO, errno.EACCES, errno.EROFS, errno.EMFILE, errno.ESTALE, errno.EDQUOT)
"""Errors of the system that are the machine's matter, and nobody's bug."""


def told(error: BaseException) -> tuple[str, str, str]:
    """Name, words and traceback of an error that is being handled."""
    name, text = type(error).__name__, without_secrets(str(error))
    if name not in PLAIN and is_remote(error):
        refused = isinstance(error, PermissionError) or name in _REFUSALS
        name, text = REFUSED if refused else STORE, store_words(error)
    return name, text, without_secrets(traceback.format_exc())


def error_text(rank: int | None, where: str, name: str, text: str, trace: str) -> str:
    """What the user reads of a task's error: what to do about the machine's, the words of ours, and a bug with its traceback."""
    if clear := of_the_machine(text, where):
        return clear
    return text if name in (*PLAIN, STORE) else f"task {rank}: {name}: {text}\n{trace}"


def of_the_machine(text: str, where: str) -> str:
    """What is said of an error that a full disk caused, or another that is the machine's matter; "" for any other."""
    if "No space left on device" in text or "Errno 28" in text:
        return f"{where}: the disk is full ({text}). Free some space and give the same command again: it goes on where it stopped."
    if any(f"[Errno {number}]" in text for number in _MACHINE):
        return f"{where}: {text}. When that is mended give the same command again: it goes on where it stopped."
    return ""


def store_words(error: BaseException) -> str:
    """What is said of a store's error: a refusal, a timeout, an address where nobody answers."""
    found = without_secrets(" ".join(str(error).split()))[:300]
    return (
        f"a store did not do what it was asked ({type(error).__name__}{': ' if found else ''}{found}). "
        "What is finished stays; once that is mended, the same command goes on"
    )
