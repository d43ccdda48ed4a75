"""What the layers share that show training another form of each picture."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from cnnx import _core
from cnnx.arrays import Array, Float, Shape
from cnnx.layers.augmentation.recipe import Recipe, Settings
from cnnx.layers.boxes import warped
from cnnx.layers.call import Call, Traits
from cnnx.layers.layer import image_shape
from cnnx.layers.picture_layer import Change, PictureLayer
from cnnx.layers.random_layer import RandomLayer


class RecipeChange(Change):
    """Operations of each picture by itself."""

    def __init__(self, recipe: Recipe, settings: Settings) -> None:
        self._recipe = recipe
        self._settings = settings

    def pictures(self, x: Float, y: Float) -> None:
        """Run the recipe."""
        self._recipe.run(x, y, self._settings)

    def masks(self, x: Float, y: Float) -> None:
        """Move the masks' pixels; each becomes one of those that were there."""
        moved = Settings(
            fill_mode=self._settings.fill_mode,
            interpolation="nearest",
            fill_value=self._settings.fill_value,
        )
        self._recipe.moves().run(x, y, moved)

    def boxes(self, corners: Array, size: tuple[int, int]) -> Array:
        """Move the corners of the boxes, one operation after the other."""
        moves = self._recipe.moves()
        for step in range(moves.operations.shape[1]):
            moving = moves.operations[:, step] != 0
            moved = warped(corners, moves.parameters[:, step], size)
            corners = np.where(moving[:, None, None], moved, corners)
        return corners


class RandomPictureLayer(PictureLayer, RandomLayer):
    """
    What the layers share that change pictures in training; otherwise they do nothing.

    One picture's random numbers depend on the seed, the number of the batch and the picture's
    place in the batch alone. Called directly, the layer changes pictures too, as in Keras, unless
    `training` is False.

    Subclasses implement `recipe`, or `draw`.

    Parameters
    ----------
    seed
        None draws from the global generator; a whole number makes this layer repeatable by itself.
    data_format, bounding_box_format, **kwargs
        As in `PictureLayer`.
    """

    of_colors: ClassVar[bool] = False
    """Whether channels are red, green and blue; a single one then stays as it is."""
    numbers: int = 1
    """Random numbers of a picture."""
    settings = Settings()

    def __init__(
        self, seed: int | None = None, data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(data_format, seed=seed, **kwargs)

    def recipe(self, numbers: Float, size: tuple[int, int]) -> Recipe:
        """
        Return the operations of each picture.

        Parameters
        ----------
        numbers
            From 0 to 1, shape (pictures, `numbers`).
        size
            Height and width of the pictures.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement recipe or draw")

    def uniform_numbers(self, count: int) -> Float:
        """Draw the random numbers of a batch, (count, `numbers`)."""
        numbers = np.empty((count, self.numbers), np.float32)
        if self.numbers:
            _core.uniform_numbers(self.draw_seed(), numbers)
        return numbers

    def draw_seed(self) -> int:
        """Draw the seed of the random numbers of one batch."""
        return int(self.generator.bit_generator.random_raw())

    def draw(self, shape: Shape) -> Change:
        """Draw what happens to the pictures of a batch of this shape."""
        numbers = self.uniform_numbers(shape[0])
        return RecipeChange(self.recipe(numbers, (shape[1], shape[2])), self.settings)

    traits = Traits(False, False, identity_in_use=True)

    def build(self, input_shape: Shape) -> None:
        """Check that the input holds images, of three colours or one if the layer needs them."""
        channels = image_shape(self, input_shape)[2]
        if self.of_colors and channels not in (1, 3):
            raise ValueError(
                f"{self} expects images of 3 channels, red, green and blue, or grey ones of 1, got "
                f"shape {tuple(input_shape)}"
            )

    def forward(self, call: Call, x: Float) -> None:
        """Write the changed pictures, or the input itself."""
        call.change = self.draw(x.shape) if call.training and len(x) else None
        if call.change is None:
            np.copyto(call.y, x)
        else:
            call.change.pictures(x, call.y)

    def backward(self, call: Call, dy: Float) -> None:
        """Write the gradient of the changed pictures, if there is one."""
        if call.change is None:
            np.copyto(call.dx[0], dy)
        else:
            call.change.gradient(dy, call.dx[0], str(self))

    def change(self, shape: Shape, training: bool) -> Change:
        """Return what happens to a batch of this shape: nothing outside training."""
        return self.draw(shape) if training and shape[0] else _NoChange()


class _NoChange(Change):
    """Pictures stay as they are."""

    def pictures(self, x: Float, y: Float) -> None:
        """Copy the pictures."""
        np.copyto(y, x)
