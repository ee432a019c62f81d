"""What can go wrong with a review that its user can put right. Each message says the place, what was found and what would be right."""


class ReviewError(Exception):
    """Argilla cannot be started or reached, refuses, or holds what does not fit: the message says what to do."""
