"""JSON Schema patterns that end: a pattern such as `(a+)+$` would hold a worker for ever on one long text.

jsonschema searches with `re`, which knows no limit of time. Here the keywords that search are replaced by ones that use `regex` with
one. `regex` reads what `re` reads.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

SECONDS = 0.5
"""Of one search."""


class SlowPatternError(ValueError):
    """A pattern of the schema that found no end on this text: it says nothing of the answer."""


def searched(pattern: str, text: str) -> bool:
    """Whether the pattern stands in the text. Raises SlowPatternError after `SECONDS`."""
    import regex

    try:
        return regex.search(pattern, text, timeout=SECONDS) is not None
    except TimeoutError:
        raise SlowPatternError(f"the pattern {pattern!r} takes longer than {SECONDS} s") from None


@cache
def bounded_validator() -> Any:
    """The validator class of draft 2020-12 with `pattern`, `patternProperties` and `additionalProperties` bounded in time."""
    from jsonschema import Draft202012Validator, validators

    keywords = {"pattern": _pattern, "patternProperties": _pattern_properties, "additionalProperties": _additional}
    return validators.extend(Draft202012Validator, keywords)


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[Any]:
    from jsonschema import ValidationError

    if validator.is_type(instance, "string") and not searched(pattern, instance):
        yield ValidationError(f"{instance[:80]!r} does not match {pattern!r}")


def _pattern_properties(validator: Any, patterns: dict[str, Any], instance: Any, schema: Any) -> Iterator[Any]:
    if validator.is_type(instance, "object"):
        for pattern, subschema in patterns.items():
            for key, value in instance.items():
                if searched(pattern, key):
                    yield from validator.descend(value, subschema, path=key, schema_path=pattern)


def _additional(validator: Any, allowed: Any, instance: Any, schema: Any) -> Iterator[Any]:
    from jsonschema import ValidationError

    if not validator.is_type(instance, "object"):
        return
    known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    extras = [key for key in instance if key not in known and not any(searched(p, key) for p in patterns)]
    if validator.is_type(allowed, "object"):
        for key in extras:
            yield from validator.descend(instance[key], allowed, path=key)
    elif not allowed and extras:
        yield ValidationError(f"Additional properties are not allowed: {', '.join(map(repr, sorted(extras)[:5]))}")
