"""The size of a WebP picture, before its decoder takes memory for it.

The layouts are those of RFC 9649.
"""

from __future__ import annotations

from typing import NamedTuple

HEADER_BYTES = 30


class WebPHeader(NamedTuple):
    """What the first bytes of a WebP file say."""

    width: int
    height: int
    is_transparent: bool


def webp_header(start: bytes) -> WebPHeader | None:
    """Return what the first 30 bytes of a file say; None if it is no WebP picture."""
    if len(start) < HEADER_BYTES or start[:4] != b"RIFF" or start[8:12] != b"WEBP":
        return None
    kind = start[12:16]
    if kind == b"VP8 ":
        width, height = (int.from_bytes(start[at : at + 2], "little") for at in (26, 28))
        return WebPHeader(width & 0x3FFF, height & 0x3FFF, False)
    if kind == b"VP8L":
        bits = int.from_bytes(start[21:25], "little")
        return WebPHeader((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, bool(bits >> 28 & 1))
    if kind == b"VP8X":
        width, height = (int.from_bytes(start[at : at + 3], "little") + 1 for at in (24, 27))
        return WebPHeader(width, height, bool(start[20] & 0x10))
    return None
