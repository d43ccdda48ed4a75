"""The ground behind transparent pictures."""

from __future__ import annotations

from typing import Any

from cnnx.data.picture_file import pillow


def grounded(image: Any, background: tuple[int, int, int] | None, notes: list[str]) -> Any:
    """Return a transparent image on a ground of one colour, or without its transparency.

    A drawing that only its transparency shows is lost without a ground; `notes` then gets a text
    that says so.
    """
    if not image.has_transparency_data:
        return image
    layered = image if image.mode in ("LA", "RGBA") else image.convert("RGBA")
    if background is not None:
        ground = pillow().new("RGB", image.size, background)
        ground.paste(layered, mask=layered.getchannel("A"))
        return ground
    *colours, (least, most) = layered.getextrema()
    if least < most and all(low == high for low, high in colours):
        notes.append("its drawing lies in the transparency; give background=255 or another colour")
    image.info.pop("transparency", None)  # `convert` would warn of those in a palette
    # Premultiplied colours are converted by way of plain ones.
    return layered if image.mode in ("La", "RGBa") else image
