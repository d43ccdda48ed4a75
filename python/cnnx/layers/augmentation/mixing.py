"""Layers that mix each picture of a batch with another one, and their labels too."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnx import _core, geometry
from cnnx.arrays import Float, Shape
from cnnx.layers.augmentation.erasing import rectangles
from cnnx.layers.augmentation.factors import Factor, positive
from cnnx.layers.augmentation.random_picture_layer import RandomPictureLayer
from cnnx.layers.picture_layer import Change


class _Mixed(Change):
    """
    Each picture mixed with a partner in a rectangle.

    Parameters
    ----------
    partners
        Their numbers, (pictures,).
    shares
        Of the picture's own pixels in the rectangle, (pictures,).
    boxes
        The rectangles, (pictures, 4).
    weights
        Of the picture's own label, (pictures,).
    """

    def __init__(
        self,
        partners: NDArray[np.int64],
        shares: Float,
        boxes: NDArray[np.int32],
        weights: Float,
    ) -> None:
        self._mixing = partners, shares, boxes
        self._partners = partners
        self._weights = weights

    def pictures(self, x: Float, y: Float) -> None:
        """Mix the pixels."""
        _core.mix_pictures(x, *self._mixing, y)

    def masks(self, x: Float, y: Float) -> None:
        """Mix the masks: those of the picture with the larger share, in the rectangle."""
        partners, shares, boxes = self._mixing
        _core.mix_pictures(x, partners, np.round(shares), boxes, y)

    def labels(self, labels: Any, owner: str) -> Any:
        """Return weighted means of the labels of both."""
        own = np.asarray(labels)
        if own.ndim < 2 or len(own) != len(self._partners):
            raise ValueError(
                f"{owner}: labels must be one-hot rows ({len(self._partners)}, classes), whose "
                f"mean is a label too, got shape {own.shape}; use label_mode='categorical' or "
                "utils.to_categorical"
            )
        own = own.astype(np.float32)
        weights = self._weights.reshape(-1, *(1,) * (own.ndim - 1))
        return weights * own + (1 - weights) * own[self._partners]


class _Mixing(RandomPictureLayer):
    """What the layers share that mix pictures."""

    def shuffled(self, count: int) -> tuple[np.random.Generator, NDArray[np.int64]]:
        """Return a generator for one batch, and a partner for each picture."""
        chance = np.random.default_rng(self.draw_seed())
        return chance, chance.permutation(count)


def _beta(chance: np.random.Generator, alpha: float, count: int) -> Float:
    """Draw numbers of the Beta distribution (alpha, alpha)."""
    return np.asarray(chance.beta(alpha, alpha, count), np.float32)


class MixUp(_Mixing):
    """
    In training, make each image a weighted mean of two, and its label too (Zhang et al. 2017).

    y = w x + (1 - w) x' with an image x' of the same batch, and w of the Beta distribution (alpha,
    alpha), both drawn for each image. Labels must be one-hot and come with the images: call the
    layer on {"images": ..., "labels": ...}, or use ``stream.map(MixUp())``. As a layer of a model
    it mixes images alone.

    Parameters
    ----------
    alpha
        Above 0; smaller ones leave most images nearly as they are.
    data_format, seed, **kwargs
        As in `RandomPictureLayer`.
    """

    def __init__(
        self,
        alpha: float = 0.2,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed, data_format, **kwargs)
        self.alpha = geometry.number(alpha, f"{self}: alpha", 1e-6, np.inf)

    def draw(self, shape: Shape) -> Change:
        """Draw partners and weights."""
        chance, partners = self.shuffled(shape[0])
        weights = _beta(chance, self.alpha, shape[0])
        boxes = np.tile(np.array([0, 0, shape[1], shape[2]], np.int32), (shape[0], 1))
        return _Mixed(partners, weights, boxes, weights)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {"alpha": self.alpha}


class CutMix(_Mixing):
    """
    In training, paste a rectangle of another image into each, and mix labels (Yun et al. 2019).

    The rectangle covers a share 1 - w of the image, with w of the Beta distribution (alpha, alpha);
    the label's weight is the share of pixels that stay. Labels must be one-hot and come with the
    images, as for `MixUp`.

    Parameters
    ----------
    factor
        alpha of a batch: a number f draws it from (0, f), two numbers from (low, high).
    seed, data_format, **kwargs
        As in `RandomPictureLayer`.
    """

    def __init__(
        self,
        factor: Factor = 1.0,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed, data_format, **kwargs)
        self.factor = positive(factor, f"{self}: factor")

    def draw(self, shape: Shape) -> Change:
        """Draw partners and rectangles."""
        count, height, width = shape[:3]
        chance, partners = self.shuffled(count)
        alpha = chance.uniform(*self.factor) + 1e-6
        weights = _beta(chance, alpha, count)
        sides = np.sqrt(1 - weights)
        places = chance.random((count, 2), np.float32)
        boxes = rectangles(np.stack([sides, sides], 1), places, (height, width))
        pasted = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
        kept = (1 - pasted / (height * width)).astype(np.float32)
        return _Mixed(partners, np.zeros(count, np.float32), boxes, kept)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {"factor": list(self.factor)}
