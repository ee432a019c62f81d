"""Groups of rows that must not be torn apart, and the split that each group falls to.

Two rows are of one group when they grew from one document or from near-copies of it, answer one prompt, or are twins; the groups are
the connected components. So no text that is trained on stands in a validation or test prompt. A group's split is drawn
by a hash of its smallest key and the salt: more rows move a group only where they join it to another. A group with a
row that was kept for evaluation (`test_only`) is for testing as a whole.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from curation.provenance import key

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Shares:
    """Which share of the groups is for what, each in [0, 1); the rest trains."""

    validation: float = 0.0
    test: float = 0.0
    salt: str = ""

    def __post_init__(self) -> None:
        if not (0 <= self.validation < 1 and 0 <= self.test < 1 and self.validation + self.test < 1):
            raise ValueError(
                f"shares are in [0, 1) and leave some for training, not {self.validation:g} and {self.test:g}"
            )

    def drawn(self, label: bytes) -> str:
        """The split of a group by its label.

        >>> Shares().drawn(b"0" * 16), Shares(test=0.99).drawn(b"0" * 16)
        ('train', 'test')
        """
        place = int.from_bytes(key("split", self.salt, label)[:8], "big") / 2**64
        return "test" if place < self.test else "validation" if place < self.test + self.validation else "train"


class Groups:
    """Union-find over keys of documents, prompts and twins (16 bytes each), and which groups are for testing."""

    def __init__(self) -> None:
        self._above: dict[bytes, bytes] = {}
        self._kept: set[bytes] = set()

    def join(self, keys: Iterable[bytes], *, test_only: bool = False) -> None:
        """The keys of one row are of one group. test_only: the row is kept for evaluation."""
        first, *rest = (self._root(one) for one in keys)
        for other in rest:
            low, high = sorted((self._root(first), self._root(other)))
            if low != high:
                self._above[high] = low
                if high in self._kept:
                    self._kept.add(low)
            first = low
        if test_only:
            self._kept.add(self._root(first))

    def label(self, one: bytes) -> bytes:
        """Label of the group of a key: the smallest key in it; the key itself where nothing was joined to it.

        >>> groups = Groups()
        >>> groups.join([b"b", b"c"]); groups.join([b"c", b"a"])
        >>> groups.label(b"b"), groups.label(b"z")
        (b'a', b'z')
        """
        return self._root(one) if one in self._above else one

    def split(self, label: bytes, shares: Shares) -> str:
        """The split of a group by its label."""
        return "test" if label in self._kept else shares.drawn(label)

    def _root(self, one: bytes) -> bytes:
        above = self._above.setdefault(one, one)
        while above != self._above[above]:
            above = self._above[above]
        while self._above[one] != above:
            self._above[one], one = above, self._above[one]
        return above
