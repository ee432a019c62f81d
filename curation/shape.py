"""What a JSON file of a run must hold, as a shape: manifests lie on disks, and disks and people change them.

A shape is a type (`int` is a count, never negative; `float` any number; `str`), `PATH` for a file below its folder, `[shape]` for a
list, `{"key": shape, …}` for keys that must be there (`"key?"`: that may be there, or be null) beside any others, and `{str: shape}`
for these.
"""

from typing import Any

PATH = "a path below its folder"


class BadFile(ValueError):
    """A file of a run or of a shard set that is not what it must be: cut off, or changed by another hand."""


def shaped(value: Any, shape: Any, where: str) -> Any:
    """The value, which has the shape. Raises BadFile naming the place in it that has not, what stands there and what would be right.

    >>> shaped({"rows_out": 3, "more": None}, {"rows_out": int}, "manifest.json")
    {'rows_out': 3, 'more': None}
    >>> shaped({"files": [{"path": "../a"}]}, {"files": [{"path": PATH}]}, "a")
    Traceback (most recent call last):
    ...
    curation.shape.BadFile: a: files.0.path must be a path below its folder, found '../a'; it was changed or cut off: make it anew
    """
    if (wrong := _wrong(value, shape)) is not None:
        place, wanted, found = wrong
        at = ".".join(place) or "the whole"
        raise BadFile(f"{where}: {at} must be {wanted}, found {found}; it was changed or cut off: make it anew")
    return value


def _wrong(value: Any, shape: Any) -> tuple[list[str], str, str] | None:
    """Where a value has not the shape: the place in it, what must stand there, what does."""
    if isinstance(shape, list):
        if not isinstance(value, list):
            return [], "a list", _shown(value)
        return _first((str(i), one, shape[0]) for i, one in enumerate(value))
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            return [], "names with values", _shown(value)
        named = {name.removesuffix("?"): inner for name, inner in shape.items() if name is not str}
        missing = next((name for name in named if name in shape and name not in value), None)
        if missing is not None:
            return [missing], "there", "nothing"
        others = shape.get(str, object)
        said = ((name, one) for name, one in value.items() if one is not None or f"{name}?" not in shape)
        return _first((name, one, named.get(name, others)) for name, one in said)
    if shape is PATH:
        fine = isinstance(value, str) and value != "" and not value.startswith("/") and ".." not in value.split("/")
        return None if fine else ([], PATH, _shown(value))
    if shape is int:
        fine = isinstance(value, int) and not isinstance(value, bool) and value >= 0
        return None if fine else ([], "a count", _shown(value))
    if shape is float:
        fine = isinstance(value, int | float) and not isinstance(value, bool)
        return None if fine else ([], "a number", _shown(value))
    return None if isinstance(value, shape) else ([], "text" if shape is str else shape.__name__, _shown(value))


def _first(parts: Any) -> tuple[list[str], str, str] | None:
    for name, value, shape in parts:
        if (wrong := _wrong(value, shape)) is not None:
            return [name, *wrong[0]], wrong[1], wrong[2]
    return None


def _shown(value: Any) -> str:
    return repr(value)[:60]
