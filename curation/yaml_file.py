"""YAML that people write: read without what hurts (bombs of aliases, keys said twice), and where it is none, that in one line."""

import re
from typing import Any

import yaml

_SURROGATE = re.compile("[\ud800-\udfff]")
MOST_REPEATED = 100_000
"""Values that the aliases of a file may stand for: ten lines of `b: [*a, *a, …]` would be 10^10 of them."""
DEEPEST = 300
"""Levels of nesting that a file may have; libyaml's own composer takes any number and then the process with it."""


class _Told:
    """A safe loader of PyYAML's, whose constructors raise what they like at values that are not of their sort."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """A node's value. Raises yaml.YAMLError with the place."""
        try:
            return super().construct_object(node, deep)  # type: ignore[misc]
        except (ValueError, TypeError, LookupError, AttributeError, OverflowError) as error:
            kind = node.tag.removeprefix("tag:yaml.org,2002:")
            raise _at(node, f"{str(node.value)[:40]!r} is no {kind} ({str(error)[:80]})") from None


class _Loader(_Told, yaml.SafeLoader):
    """In Python, whose messages name the place in a reader's words."""


_LIBYAML: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Fast(_Told, _LIBYAML):
    """libyaml, eight times as fast, where PyYAML has it."""


def load_yaml(text: str, fast: bool = False) -> Any:
    """The value of a text's only document; None for an empty text. fast: for files of many thousand values.

    Raises yaml.YAMLError for what is no YAML, a key that stands twice in a mapping, an alias inside what it names, aliases that
    stand for more than `MOST_REPEATED` values, and nesting deeper than `DEEPEST`.

    >>> load_yaml("a: &x [1, 2]\\nb: *x")
    {'a': [1, 2], 'b': [1, 2]}
    """
    kind: Any = _Fast if fast else _Loader
    depth = 0
    for event in yaml.parse(text, kind) if fast else ():
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise yaml.YAMLError(_DEEP)
    loader = kind(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        sizes: dict[int, int] = {}
        if _size(node, sizes, set()) - len(sizes) > MOST_REPEATED:
            raise yaml.YAMLError(f"its aliases stand for more than {MOST_REPEATED:,} values")
        return loader.construct_document(node)
    except RecursionError:
        raise yaml.YAMLError(_DEEP) from None
    finally:
        loader.dispose()


_DEEP = f"nested deeper than {DEEPEST} levels"


def _size(node: yaml.Node, sizes: dict[int, int], open_: set[int]) -> int:
    """Values that a node stands for, its own and those of everything in it, repeated as often as they are named."""
    if id(node) in open_:
        raise _at(node, "an alias stands inside what it names")
    if id(node) not in sizes:
        open_.add(id(node))
        if isinstance(node, yaml.MappingNode):
            _keys_once(node)
            within: list[yaml.Node] = [one for pair in node.value for one in pair]
        else:
            within = node.value if isinstance(node, yaml.SequenceNode) else []
            if isinstance(node, yaml.ScalarNode) and _SURROGATE.search(node.value):
                raise _at(node, "half of a pair of surrogates stands here, which is no text")
        sizes[id(node)] = 1 + sum(_size(one, sizes, open_) for one in within)
        open_.discard(id(node))
    return sizes[id(node)]


def _keys_once(node: yaml.MappingNode) -> None:
    seen: set[tuple[str, str]] = set()
    for key, _ in node.value:
        if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
            if (key.tag, key.value) in seen:
                raise _at(key, f"the key '{key.value[:40]}' stands here for the second time")
            seen.add((key.tag, key.value))


def _at(node: yaml.Node, said: str) -> yaml.YAMLError:
    return yaml.constructor.ConstructorError(None, None, said, node.start_mark)


def yaml_fault(error: yaml.YAMLError | UnicodeDecodeError, file: str) -> str:
    """The file, the line and the column (both from 1) and what YAML found there.

    >>> try:
    ...     load_yaml("name: a\\nstages: [b")
    ... except yaml.YAMLError as error:
    ...     print(yaml_fault(error, "bad.yaml"))
    bad.yaml, line 2, column 11: not YAML: expected ',' or ']', but got '<stream end>' (while parsing a flow sequence)
    """
    mark, said = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    if mark is None or said is None:
        return f"{file}: not YAML: {' '.join(str(error).split())}"
    context = f" ({error.context})" if getattr(error, "context", None) else ""  # type: ignore[attr-defined]
    return f"{file}, line {mark.line + 1}, column {mark.column + 1}: not YAML: {said}{context}"
