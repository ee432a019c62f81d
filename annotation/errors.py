"""What can go wrong with a review or a release and its user can put right: the place, what was found, what would be right."""


class ReviewError(Exception):
    """Argilla cannot be started or reached, refuses, or holds what does not fit: the message says what to do."""


class ReleaseError(Exception):
    """A release that may not be, or cannot be made of what it was given: the message names sets and rows."""
