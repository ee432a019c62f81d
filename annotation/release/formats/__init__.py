"""Trainers' formats by name, one file a trainer; `format.py` says what a format is."""

from collections.abc import Sequence

from annotation.errors import ReleaseError
from annotation.release.formats import axolotl, llama_factory, nemo, openrlhf, text, trl
from annotation.release.formats.format import Format

FORMATS: dict[str, Format] = {
    one.name: one for module in (text, trl, nemo, axolotl, llama_factory, openrlhf) for one in module.FORMATS
}
"""Every format by the name that `--format` takes."""


def formats(names: Sequence[str]) -> list[Format]:
    """Formats by their names, each once. Raises ReleaseError for one that there is not.

    >>> [one.kind for one in formats(["trl_dpo", "trl_sft", "trl_dpo"])]
    ['preference', 'chat']
    """
    if unknown := [name for name in names if name not in FORMATS]:
        raise ReleaseError(f"there is no format '{unknown[0]}'; there are {', '.join(FORMATS)}")
    if not names:
        raise ReleaseError(f"for which trainer? --format one of {', '.join(FORMATS)}; may be repeated")
    return [FORMATS[name] for name in dict.fromkeys(names)]
