"""What a user can do wrong, a class per kind. Each message says the place, what was found and what would be right."""


class RecipeError(Exception):
    """The recipe asks for something that cannot be: a typo, an unknown column, a missing file, a version already used."""


class RunError(Exception):
    """A run could not go on: a task that keeps dying, a full disk, an error inside a step. The same command continues it."""
