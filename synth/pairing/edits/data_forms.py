"""JSON, CSV, YAML and tags: a mark lost, a key renamed, a value changed."""

import re
from collections.abc import Iterator
from typing import Any

from synth.pairing.edits.edit import edits
from synth.pairing.edits.words import nudged
from synth.verify.prompt import Prompt

_VALUE = re.compile(r':\s*("(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?|null|true|false)')
_KEY = re.compile(r'"((?:[^"\\]|\\.)*)"\s*:')


@edits("json_values")
def another_value(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """A value with another digit, one that stands elsewhere in the object, or one where there is none."""
    found = list(_VALUE.finditer(text))
    for m in reversed(found):
        said = m[1]
        for d in list(re.finditer(r"\d+", said))[-1:]:
            for near in nudged(d[0]):
                yield text[: m.start(1)] + said[: d.start()] + near + said[d.end() :] + text[m.end(1) :]
        if said.startswith('"') and not re.search(r"\d", said):
            yield text[: m.start(1)] + said[:-1] + 'など"' + text[m.end(1) :]


@edits("json_values")
def two_values_swapped(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """Two values of one type in each other's place."""
    found = list(_VALUE.finditer(text))
    for a in found:
        for b in found:
            if (
                a.start() < b.start()
                and a[1] != b[1]
                and (a[1][0] == '"') == (b[1][0] == '"')
                and "null" not in (a[1], b[1])
                and bool(re.search(r"\d", a[1])) == bool(re.search(r"\d", b[1]))
            ):
                yield text[: a.start(1)] + b[1] + text[a.end(1) : b.start(1)] + a[1] + text[b.end(1) :]


@edits("json_values")
def a_value_made_up(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """A value where the text has none, or none where it has one."""
    for m in reversed(list(_VALUE.finditer(text))):
        if m[1] == "null":
            yield text[: m.start(1)] + '"未定"' + text[m.end(1) :]
            yield text[: m.start(1)] + "10" + text[m.end(1) :]
        else:
            yield text[: m.start(1)] + "null" + text[m.end(1) :]


@edits("json_schema")
def another_type(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """A number as a text, or a list as a text."""
    for m in reversed(list(_VALUE.finditer(text))):
        if m[1][0] in "-0123456789":
            yield f'{text[: m.start(1)]}"{m[1]}"{text[m.end(1) :]}'
        elif m[1] == "null":
            yield text[: m.start(1)] + "false" + text[m.end(1) :]
            yield text[: m.start(1)] + '""' + text[m.end(1) :]


@edits("json_schema", "json_form", "tool_call")
def a_mark_lost(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """JSON without its last bracket, with a comma too many, or with single quotes."""
    body = text.rstrip()
    fence = body.endswith("```")
    for at in reversed([m.start() for m in re.finditer(r"[\]}]", body)][-2:]):
        yield f"{body[:at]},{body[at:]}"
        if not fence:
            yield body[:at] + body[at + 1 :]
    yield text.replace('"', "'")


@edits("json_schema", "yaml_form", "json_form")
def another_key(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """A key with another name, or the same key twice."""
    for m in reversed(list(_KEY.finditer(text))):
        yield f"{text[: m.end(1)]}_value{text[m.end(1) :]}"
    for key in reversed(getattr(spec, "keys", ())):
        yield text.replace(f"{key}:", f"{key}_value:", 1)
        yield text.replace(f"{key}:", f"{key}", 1)


@edits("json_schema")
def one_element_twice(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """An element of a list twice, or one less."""
    elements = list(re.finditer(r'(?<=[\[,])\s*"[^"\\]*"(?=\s*[,\]])', text))
    for m in elements[-1:]:
        yield f"{text[: m.end()]}, {m[0].strip()}{text[m.end() :]}"
    for m in elements[1:]:
        yield re.sub(r",\s*$", "", text[: m.start()]) + text[m.end() :]


@edits("csv_form")
def a_field_more(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """A row with a field more, or a row more."""
    lines = text.rstrip().split("\n")
    rows = [i for i, line in enumerate(lines) if spec.delimiter in line]
    for i in reversed(rows[1:]):
        yield "\n".join([*lines[:i], lines[i] + spec.delimiter + "備考", *lines[i + 1 :]])
    if len(rows) > 1:
        last = rows[-1]
        yield "\n".join([*lines[: last + 1], lines[last], *lines[last + 1 :]])


@edits("csv_form")
def a_field_less(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """A row without its last field, or a column with another name."""
    lines = text.rstrip().split("\n")
    for i in reversed(range(1, len(lines))):
        if spec.delimiter in lines[i]:
            yield "\n".join([*lines[:i], lines[i].rsplit(spec.delimiter, 1)[0], *lines[i + 1 :]])
    for name in spec.columns:
        yield text.replace(name, f"{name}など", 1)


@edits("tagged")
def a_tag_lost(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """A tag that is not closed, or has another name."""
    for tag in reversed(spec.tags):
        yield text.replace(f"</{tag}>", "", 1)
        yield text.replace(f"<{tag}>", f"<{tag}1>", 1).replace(f"</{tag}>", f"</{tag}1>", 1)
