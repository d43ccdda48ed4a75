"""What cannot be taken from a file."""


class UnsupportedError(ValueError):
    """Says why one node of a file cannot be taken."""
