"""Boxes around what pictures show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from cnnx.arrays import Array

FORMATS = (
    "xyxy",
    "yxyx",
    "xywh",
    "center_xywh",
    "center_yxhw",
    "rel_xyxy",
    "rel_yxyx",
    "rel_xywh",
    "rel_center_xywh",
)


def corners_of(
    given: Any, form: str, size: tuple[int, int], count: int, owner: str
) -> tuple[Array, Array | None]:
    """
    Return boxes as (pictures, boxes, 4), left, top, right and bottom in pixels, and their classes.

    Parameters
    ----------
    given
        {"boxes": (pictures, boxes, 4), "labels": (pictures, boxes)}.
    form
        One of `FORMATS`.
    size
        Height and width of the pictures.
    count
        Pictures.
    owner
        What errors begin with.
    """
    if not isinstance(given, Mapping) or "boxes" not in given:
        raise TypeError(f"{owner}: bounding_boxes must be a dict of 'boxes' and 'labels'")
    boxes = np.asarray(given["boxes"], np.float64)
    if boxes.ndim != 3 or boxes.shape[-1] != 4 or len(boxes) != count:
        raise ValueError(
            f"{owner}: bounding_boxes must hold boxes (pictures, boxes, 4) of {count} pictures, "
            f"got {boxes.shape}"
        )
    classes = None if given.get("labels") is None else np.asarray(given["labels"])
    if classes is not None and classes.shape[:2] != boxes.shape[:2]:
        raise ValueError(
            f"{owner}: bounding_boxes must hold a label for each of the boxes {boxes.shape}, "
            f"got {classes.shape}"
        )
    return _as_corners(boxes, form, size), classes


def _swapped(boxes: Array, form: str) -> Array:
    """Exchange x and y if the format has y first."""
    y_first = form.removeprefix("rel_").removeprefix("center_").startswith("y")
    return boxes[..., [1, 0, 3, 2]] if y_first else boxes


def _scales(form: str, size: tuple[int, int]) -> Array:
    height, width = size if form.startswith("rel_") else (1, 1)
    return np.array([width, height, width, height], np.float64)


def _as_corners(boxes: Array, form: str, size: tuple[int, int]) -> Array:
    found = _swapped(boxes, form) * _scales(form, size)
    first, second = found[..., :2], found[..., 2:]
    if "center" in form:
        first = first - second / 2
    if "h" in form:
        second = first + second
    return np.concatenate([first, second], -1)


def written(
    corners: Array, classes: Array | None, form: str, size: tuple[int, int]
) -> dict[str, Array]:
    """Return boxes within pictures of a size as the format has them; those outside are -1."""
    height, width = size
    clipped = np.clip(corners, 0, [width, height, width, height])
    extents = clipped[..., 2:] - clipped[..., :2]
    seen = (extents > 0).all(-1)
    first, second = clipped[..., :2], clipped[..., 2:]
    if "h" in form:
        second = extents
    if "center" in form:
        first = first + extents / 2
    boxes = _swapped(np.concatenate([first, second], -1) / _scales(form, size), form)
    found = {"boxes": np.where(seen[..., None], boxes, -1).astype(np.float32)}
    if classes is not None:
        shown = seen.reshape(*seen.shape, *(1,) * (classes.ndim - 2))
        found["labels"] = np.where(shown, classes, -1)
    return found


def warped(corners: Array, transforms: Array, size: tuple[int, int]) -> Array:
    """
    Return the boxes around the places that the corners of boxes move to.

    Parameters
    ----------
    corners
        (pictures, boxes, 4) in pixels.
    transforms
        (pictures, 8): where in the old picture a pixel of the new one comes from, in rows and
        columns.
    size
        Height and width of the pictures.
    """
    matrices = np.concatenate([transforms, np.ones((len(transforms), 1))], 1).reshape(-1, 3, 3)
    regular = np.abs(np.linalg.det(matrices)) > 1e-12
    there = np.linalg.inv(np.where(regular[:, None, None], matrices, np.eye(3)))
    xs, ys = corners[..., [0, 2, 0, 2]] - 0.5, corners[..., [1, 1, 3, 3]] - 0.5
    places = np.stack([ys, xs, np.ones_like(xs)])  # the middle of a pixel is a whole number
    rows, columns, scale = np.einsum("nij,jnbk->inbk", there, places)
    scale = np.where(np.abs(scale) < 1e-9, 1e-9, scale)
    rows, columns = rows / scale + 0.5, columns / scale + 0.5
    return np.stack([columns.min(-1), rows.min(-1), columns.max(-1), rows.max(-1)], -1)
