"""How much memory a file may take beyond its own size."""

ROOM = 64 << 20
"""Bytes that may be unpacked from a file beyond twice its size."""
MAX_CONFIG = 4 << 20
"""Bytes of the text that describes a model."""
