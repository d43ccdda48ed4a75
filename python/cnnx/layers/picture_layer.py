"""What the layers share that change pictures, and what belongs to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from cnnx.arrays import Array, Float, Shape, as_float32, empty
from cnnx.layers.boxes import FORMATS, corners_of, written
from cnnx.layers.layer import Layer
from cnnx.layers.layout import CHANNELS_FIRST, moved_first, moved_last
from cnnx.layers.value import Value
from cnnx.registry import choice

Sample = dict[str, Any]
"""What belongs to a batch of pictures, by Keras' names."""

IMAGES, LABELS, MASKS, BOXES = "images", "labels", "segmentation_masks", "bounding_boxes"


class Change:
    """What a layer does with one batch of pictures, and with what belongs to them."""

    def pictures(self, x: Float, y: Float) -> None:
        """Write the changed pictures of `x` to `y`."""
        raise NotImplementedError

    def gradient(self, dy: Float, dx: Float, owner: str) -> None:
        """Write the gradient of the pictures."""
        raise ValueError(
            f"{owner}: gradients do not flow through it in training; put it before the first layer "
            "with weights"
        )

    def masks(self, x: Float, y: Float) -> None:
        """Write the masks of the changed pictures; the pixels' values are numbers of classes."""
        np.copyto(y, x)

    def boxes(self, corners: Array, size: tuple[int, int]) -> Array:
        """Return the boxes (pictures, boxes, 4) in the changed pictures, as x, y, x, y."""
        return corners

    def labels(self, labels: Any, owner: str) -> Any:
        """Return the labels of the changed pictures."""
        return labels


class PictureLayer(Layer):
    """
    What the layers share that change pictures and what belongs to them.

    Called directly, such a layer takes a batch (pictures, height, width, channels), one picture
    (height, width, channels), or a dict of "images" and what belongs to them: "labels",
    "segmentation_masks" and "bounding_boxes" ({"boxes": (pictures, boxes, 4), "labels": (pictures,
    boxes)}). Where pixels move, masks and boxes move with them. Masks have the pictures' axes, or
    lack that of the channels.

    Subclasses implement `change`.

    Parameters
    ----------
    data_format
        None or 'channels_last'; 'channels_first' for (batch, channels, height, width).
    bounding_box_format
        How boxes are written: 'xyxy', 'yxyx', 'xywh', 'center_xywh' or 'center_yxhw' in pixels, or
        'rel_xyxy', 'rel_yxyx', 'rel_xywh' or 'rel_center_xywh' in shares of the picture's size.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    any_size = True

    def __init__(
        self,
        data_format: str | None = None,
        bounding_box_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.take_layout(data_format, 2)
        self.bounding_box_format = (
            None
            if bounding_box_format is None
            else choice(bounding_box_format, f"{self}: bounding_box_format", *FORMATS)
        )

    def change(self, shape: Shape, training: bool) -> Change:
        """Return what happens to a batch of this shape."""
        raise NotImplementedError(f"{type(self).__name__} must implement change")

    def __call__(self, inputs: Any, training: bool = True) -> Any:
        """
        Return the changed pictures, and what belongs to them.

        Parameters
        ----------
        inputs
            A batch, a picture, or a dict, as the class describes; or a value of a network.
        training
            False returns pictures as `predict` sees them.
        """
        if isinstance(inputs, Mapping):
            return self._change_together(inputs, training)
        single = not isinstance(inputs, Value) and len(getattr(inputs, "shape", ())) == 3
        found = super().__call__(np.asarray(inputs)[None] if single else inputs, training)
        return found[0] if single else found

    def _change_together(self, sample: Mapping[str, Any], training: bool) -> Sample:
        """Change pictures and what belongs to them alike."""
        known = (IMAGES, LABELS, MASKS, BOXES)
        if IMAGES not in sample or set(sample) - set(known):
            raise TypeError(
                f"{self}: a dict must hold 'images', and may hold {', '.join(map(repr, known[1:]))}"
                f"; got {', '.join(map(repr, sample)) or 'nothing'}"
            )
        if np.ndim(sample[IMAGES]) == 3:
            many = self._change_together(
                _map(lambda part: np.asarray(part)[None], sample), training
            )
            return _map(lambda part: part[0], many)
        if self.data_format == CHANNELS_FIRST:
            return self._change_channels_first(sample, training)
        x = self._batch(sample[IMAGES])
        self.build_once((None, *x.shape[1:]))
        size = (x.shape[1], x.shape[2])
        change = self.change(x.shape, training)
        y = empty(str(self), (len(x), *self.compute_output_shape((None, *x.shape[1:]))[1:]))
        change.pictures(x, y)
        found: Sample = dict(sample) | {IMAGES: y}
        if LABELS in sample:
            found[LABELS] = change.labels(sample[LABELS], str(self))
        if MASKS in sample:
            found[MASKS] = self._change_masks(change, sample[MASKS], x, y)
        if BOXES in sample:
            if self.bounding_box_format is None:
                raise ValueError(
                    f"{self}: boxes need the argument bounding_box_format, such as 'xyxy'"
                )
            corners, kinds = corners_of(
                sample[BOXES], self.bounding_box_format, size, len(x), str(self)
            )
            found[BOXES] = written(
                change.boxes(corners, size), kinds, self.bounding_box_format, y.shape[1:3]
            )
        return found

    def _change_channels_first(self, sample: Mapping[str, Any], training: bool) -> Sample:
        """Change pictures, and masks, whose channels stand before their pixels."""
        self.build_once((None, *np.shape(sample[IMAGES])[1:]))
        arrays = [name for name in (IMAGES, MASKS) if np.ndim(sample.get(name, ())) == 4]
        last = {name: moved_last(np.asarray(sample[name])) for name in arrays}
        found = self.channels_last_form._change_together({**sample, **last}, training)
        return found | {name: moved_first(found[name]) for name in arrays}

    def _change_masks(self, change: Change, masks: Any, x: Float, y: Float) -> Array:
        """Return the masks in their own type; they may lack the channels' axis."""
        given = np.asarray(masks)
        classes = as_float32(given, f"{self}: segmentation_masks")
        flat = classes.ndim == 3
        classes = classes[..., None] if flat else classes
        if classes.shape[:3] != x.shape[:3]:
            raise ValueError(
                f"{self}: segmentation_masks must be (pictures, height, width, channels) as images "
                f"of shape {x.shape} are, got {given.shape}"
            )
        moved = empty(f"{self}: segmentation_masks", (*y.shape[:3], classes.shape[3]))
        change.masks(np.ascontiguousarray(classes), moved)
        return (moved[..., 0] if flat else moved).astype(given.dtype)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        config = super().get_config()
        if self.bounding_box_format is not None:
            config["bounding_box_format"] = self.bounding_box_format
        return config


def _map(function: Any, sample: Mapping[str, Any]) -> Sample:
    """Return a dict, and the dicts in it, with a function of each part."""
    return {
        name: _map(function, part) if isinstance(part, Mapping) else function(part)
        for name, part in sample.items()
    }
