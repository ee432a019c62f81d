"""What can go wrong with a review and its user can put right: each message says the place, what was found, what would be right."""


class ReviewError(Exception):
    """Argilla cannot be started or reached, refuses, or holds what does not fit: the message says what to do."""
