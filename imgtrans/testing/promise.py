"""What is raised when a promise is not kept."""


def require(kept: bool, otherwise: str) -> None:
    """Raise an AssertionError that says what is otherwise, unless the promise is kept; ``python -O`` does so too."""
    if not kept:
        raise AssertionError(otherwise)
