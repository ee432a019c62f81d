"""Which captures of an index are wanted, by what the crawler says of them: language, status, media type.

That is no verdict about a page, which nobody has read yet: what is not wanted is counted, not listed.
"""

import re
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


class Wanted:
    """Captures with one of these `status`, media types and languages (ISO 639-3, as in `content_languages`); null asks for nothing.

    A capture is of every language that the index names for it (`jpn,eng` holds both). A null among `languages` also takes captures
    that the index names no language for.
    """

    def __init__(
        self,
        languages: Sequence[str | None] | None = None,
        status: Sequence[int] | None = None,
        mime: Sequence[str] | None = None,
    ):
        for name, said in (("languages", languages), ("status", status), ("mime", mime)):
            if said is not None and not said:
                raise ValueError(f"{name} is empty, so nothing would be wanted; name some, or null for all")
        for code in languages or ():
            if code is not None and not re.fullmatch("[a-z]{3}", code):
                raise ValueError(f"languages: '{code}' is no ISO 639-3 code; Japanese is jpn")
        self.languages, self.status, self.mime = languages, status, mime

    @property
    def columns(self) -> tuple[str, ...]:
        """What of a list has to be looked at."""
        asked = {"status": self.status, "mime": self.mime, "languages": self.languages}
        return tuple(name for name, said in asked.items() if said is not None)

    def mask(self, columns: Mapping[str, pa.Array], rows: int) -> tuple[np.ndarray, dict[str, int]]:
        """Whether each of the rows is wanted, and how many are not, by the first column that says so."""
        wanted, unwanted = np.ones(rows, bool), dict[str, int]()
        for name in self.columns:
            said = columns[name]
            if name == "languages":
                fits = self._spoken(said)
            else:
                values = self.status if name == "status" else self.mime
                fits = pc.is_in(said, value_set=pa.array(values, said.type))
            fit = fits.to_numpy(zero_copy_only=False)
            unwanted[name] = int((wanted & ~fit).sum())
            wanted &= fit
        return wanted, unwanted

    def _spoken(self, said: pa.Array) -> pa.Array:
        codes = [c for c in self.languages or () if c is not None]
        fits = pc.match_substring_regex(said, rf"(^|[,\s])({'|'.join(codes) or '#'})([,\s]|$)")
        return pc.fill_null(fits, None in (self.languages or ()))
