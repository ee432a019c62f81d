"""Whether an error is a file system's answer, and nothing that is wrong with bytes.

A token that has expired, a bucket that may not be read, a connection that breaks: who takes these for a damaged file rejects rows
that are whole, or tells people to remove what they still need. Arrow has one class for both, OSError, but gives its own no number.
"""

_CLIENTS = {
    *("aiobotocore", "aiohttp", "adlfs", "azure", "botocore", "fsspec", "gcsfs", "google", "httpx", "huggingface_hub"),
    *("requests", "s3fs", "urllib3"),
}
"""Packages of fsspec's file systems and of what they talk by."""


def is_store_error(error: BaseException) -> bool:
    """Whether a file system raised this, on a disk or elsewhere.

    >>> is_store_error(PermissionError("The provided token has expired.")), is_store_error(OSError(28, "No space left on device"))
    (True, True)
    >>> is_store_error(OSError("Couldn't deserialize thrift")), is_store_error(ValueError("no Parquet"))
    (False, False)
    """
    if _of_a_client(error):
        return True
    if not isinstance(error, OSError):
        return False
    return error.errno is not None or (type(error) is not OSError and type(error).__module__ == "builtins")


def is_remote(error: BaseException) -> bool:
    """Whether a store that is asked over a network raised this, or what its client made of it."""
    found: BaseException | None = error
    for _ in range(16):
        if found is None:
            return False
        if _of_a_client(found):
            return True
        found = found.__cause__ or found.__context__
    return False


def _of_a_client(error: BaseException) -> bool:
    return any(cls.__module__.partition(".")[0] in _CLIENTS for cls in type(error).__mro__)
