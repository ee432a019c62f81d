"""What all pages have in common: how templates are read, the style, and the script by which a reader changes the language."""

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from markupsafe import Markup

HERE = Path(__file__).parent


def framed(folder: Path, template: str, shown: Mapping[str, Any]) -> str:
    """A template of a folder as one self-contained page of HTML. shown: what it asks for by name, beside style and script."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    pages = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    script = (HERE / "language.js").read_text(encoding="utf-8")
    common = {
        "style": Markup((HERE / "style.css").read_text(encoding="utf-8")),
        "script": Markup(script),
        "script_hash": base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    }
    return pages.get_template(template).render({**common, **shown})
