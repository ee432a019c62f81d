"""Where a file that should be YAML is not, in one line."""

import yaml


def yaml_fault(error: yaml.YAMLError | UnicodeDecodeError, file: str) -> str:
    """The file, the line and the column (both from 1) and what YAML found there.

    >>> try:
    ...     yaml.safe_load("name: a\\nstages: [b")
    ... except yaml.YAMLError as error:
    ...     print(yaml_fault(error, "bad.yaml"))
    bad.yaml, line 2, column 11: not YAML: expected ',' or ']', but got '<stream end>' (while parsing a flow sequence)
    """
    mark, said = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    if mark is None or said is None:
        return f"{file}: not YAML: {' '.join(str(error).split())}"
    context = f" ({error.context})" if getattr(error, "context", None) else ""  # type: ignore[attr-defined]
    return f"{file}, line {mark.line + 1}, column {mark.column + 1}: not YAML: {said}{context}"
