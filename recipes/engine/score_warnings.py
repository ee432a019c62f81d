"""What of a finished run's scores a person should know: a model that gave no text a number."""

from typing import Any


def score_warnings(stage: str, manifest: dict[str, Any]) -> list[str]:
    """One sentence for each step of a shard set whose scores are all NaN.

    >>> score_warnings("scored", {"steps": [{"step": "encoder_quality", "scored": 0, "not_a_number": 404, "rows": 406}]})
    ["stage 'scored', encoder_quality: none of 404 texts has a score, the model gives NaN for each; its weights are broken"]
    """
    return [
        f"stage '{stage}', {step['step']}: none of {int(step['not_a_number']):,} texts has a score, the model gives NaN for each; "
        "its weights are broken"
        for step in manifest.get("steps", ())
        if step.get("not_a_number") and not step.get("scored")
    ]
