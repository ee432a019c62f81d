"""A piece of personal data in a text, and the types there are."""

from collections.abc import Iterable
from typing import Literal, NamedTuple, get_args

PersonalDataType = Literal[
    "email",
    "phone",
    "postal_code",
    "address",
    "my_number",
    "corporate_number",
    "bank_account",
    "card",
    "passport",
    "driving_licence",
    "ip",
    "person_name",
]
TYPES: tuple[str, ...] = get_args(PersonalDataType)
"""Every type, in the order in which columns and reports show them."""


class Found(NamedTuple):
    """One piece: characters `start` to `end` of the text are of this type."""

    type: str
    start: int
    end: int


class Taken:
    """Pieces found so far; what overlaps an earlier one is not taken again."""

    def __init__(self) -> None:
        self.pieces: list[Found] = []

    def add(self, pieces: Iterable[Found]) -> None:
        """Takes those that touch none that is there."""
        for piece in pieces:
            if all(piece.end <= other.start or other.end <= piece.start for other in self.pieces):
                self.pieces.append(piece)
