"""Layers that show training another form of each picture."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest

import cnnx
from agreement import backends, normal, restore_backend
from cnnx import layers
from cnnx.layers.augmentation import LAYERS
from cnnx.layers.augmentation import RandomPictureLayer as PictureLayer

COLORS = np.random.default_rng(1).integers(0, 256, (9, 8, 3)).astype(np.float32)
ARGUMENTS: dict[str, dict[str, Any]] = {
    "RandomBrightness": {"factor": 0.3},
    "RandomColorDegeneration": {"factor": 0.9},
    "RandomColorJitter": {
        "brightness_factor": 0.2,
        "contrast_factor": (0.1, 0.3),
        "saturation_factor": (0.4, 0.6),
        "hue_factor": 0.1,
    },
    "RandomContrast": {"factor": 0.5},
    "RandomHue": {"factor": 0.5},
    "RandomPosterization": {"factor": (1, 8)},
    "RandomRotation": {"factor": 0.2, "interpolation": "nearest"},
    "RandomSaturation": {"factor": 0.9},
    "RandomSharpness": {"factor": 1.0},
    "RandomShear": {"x_factor": 0.3, "y_factor": (0.1, 0.2)},
    "RandomTranslation": {"height_factor": 0.2, "width_factor": 0.3, "fill_value": 4.0},
    "RandomZoom": {"height_factor": 0.3, "width_factor": 0.1},
    "Solarization": {"addition_factor": 0.2, "threshold_factor": 0.9},
    "RandomCrop": {"height": 5, "width": 6},
    "RandomErasing": {"fill_value": [1.0, 2.0, 3.0]},
}
FIXED = {"AutoContrast", "Equalization"}  # draw nothing
DRAWING = [cls for cls in LAYERS if cls.__name__ not in FIXED]


def made(cls: type[PictureLayer], **arguments: Any) -> PictureLayer:
    if cls.__name__ not in FIXED:
        arguments = {"seed": 3, **arguments}
    return cls(**ARGUMENTS.get(cls.__name__, {}), **arguments)


@pytest.mark.parametrize("cls", DRAWING)
def test_each_image_is_changed_in_training_alone(cls: type[PictureLayer]) -> None:
    layer = made(cls)
    x = np.stack([COLORS, COLORS[::-1]] * 10)
    if cls is not layers.RandomCrop:
        np.testing.assert_array_equal(layer(x, training=False), x)
    y = layer(x)
    kinds = {row.tobytes() for row in y[::2]}
    # Inverted or not, and grey or not, are two.
    assert len(kinds) >= (2 if cls in (layers.RandomInvert, layers.RandomGrayscale) else 4)
    assert not np.array_equal(layer(x), y)
    np.testing.assert_array_equal(made(cls)(x, training=True), y)
    assert np.isfinite(y).all()
    assert -1e-3 <= y.min() <= y.max() <= 255.001


@pytest.mark.parametrize("cls", DRAWING)
def test_an_images_draw_depends_on_its_place_alone(cls: type[PictureLayer]) -> None:
    x = np.random.default_rng(2).integers(0, 256, (40, 16, 20, 3)).astype(np.float32)
    results = []
    with restore_backend():
        for backend in backends():
            backend.use()
            layer = made(cls)
            results.append((layer(x), layer(x)))
    for result in results[1:]:
        if result[0].tobytes() != results[0][0].tobytes():  # of another instruction set
            np.testing.assert_allclose(result, results[0], rtol=1e-4, atol=1e-3)
    for one, two in zip(results[::2], results[1::2], strict=True):
        np.testing.assert_array_equal(one, two, "1 and 2 threads")
    if not issubclass(cls, (layers.MixUp, layers.CutMix)):
        np.testing.assert_array_equal(made(cls)(x[:3]), results[-1][0][:3])


@pytest.mark.parametrize("cls", LAYERS)
def test_life_of_a_layer(cls: type[PictureLayer]) -> None:
    layer = made(cls)
    config = layer.get_config()
    copy = cls.from_config(json.loads(json.dumps(config)))
    assert copy.get_config() == config
    x = np.stack([COLORS, COLORS[::-1]])
    np.testing.assert_array_equal(copy(x), layer(x))
    head = layers.Dense(2)
    model = cnnx.Sequential([layers.Input((9, 8, 3)), layer, layers.Flatten(), head])
    model.compile("sgd", "mean_squared_error")
    assert np.isfinite(model.train_on_batch(x / 255, np.ones((2, 2))))
    if cls not in (layers.AutoContrast, layers.RandomCrop):
        bare = cnnx.Sequential([layers.Input((9, 8, 3)), layers.Flatten(), head])
        np.testing.assert_array_equal(model.predict(x), bare.predict(x))
    assert layer(COLORS).shape == layer.output_shape[1:]


@pytest.mark.parametrize("cls", LAYERS)
def test_grey_images_are_taken_too(cls: type[PictureLayer]) -> None:
    arguments = {} if cls is not layers.RandomErasing else {"fill_value": 7}
    given = ARGUMENTS.get(cls.__name__, {}) | arguments
    y = cls(**given)(COLORS[None, ..., :1])
    assert y.shape == ((1, 5, 6, 1) if cls is layers.RandomCrop else (1, 9, 8, 1))
    if cls.of_colors and cls not in (layers.RandAugment,):
        np.testing.assert_array_equal(y, COLORS[None, ..., :1])


def test_colours_are_three() -> None:
    with pytest.raises(ValueError, match=r"RandomHue .* expects images of 3 channels.* or grey"):
        layers.RandomHue(0.1)(np.zeros((2, 4, 4, 2)))
    with pytest.raises(ValueError, match="fill_value must be one number or 1, one for each chan"):
        layers.RandomErasing(fill_value=[1, 2, 3])(np.zeros((2, 4, 4, 1)))


def test_a_jitter_is_what_its_parts_are() -> None:
    x = COLORS[None]
    jitter = layers.RandomColorJitter(
        (0, 255), (0.2, 0.2), (0.0, 0.0), (0.7, 0.7), (0.0, 0.0), seed=1
    )
    y = layers.RandomBrightness((0.2, 0.2))(x)
    y = layers.RandomSaturation((0.7, 0.7))(layers.RandomContrast(0.0)(y))
    np.testing.assert_allclose(jitter(x), y, rtol=1e-5, atol=1e-3)
    np.testing.assert_array_equal(layers.RandomColorJitter()(x), x)


def test_each_image_has_its_own_operations() -> None:
    """Each of two operations is one of eleven, and all of them are drawn."""
    layer = layers.RandAugment(num_ops=2, seed=1)
    recipe = layer.recipe(layer.uniform_numbers(2000), (8, 8))
    assert recipe.operations.shape == (2000, 2)
    drawn = np.bincount(recipe.operations.ravel(), minlength=14) / 4000
    assert drawn[13] == pytest.approx(3 / 11, abs=0.03)  # shear, translation, rotation
    for operation in (1, 2, 5, 7, 8, 9, 10, 11):
        assert drawn[operation] == pytest.approx(1 / 11, abs=0.02), operation


def test_shares_of_what_is_drawn() -> None:
    x = np.tile(COLORS, (3000, 1, 1, 1))
    grey = layers.RandomGrayscale(0.3, seed=1)(x)
    assert np.mean(grey[:, 0, 0, 0] == grey[:, 0, 0, 1]) == pytest.approx(0.3, abs=0.03)
    inverted = layers.RandomInvert((0.2, 0.2), seed=1)(x)
    assert np.mean((inverted == 255 - x).all((1, 2, 3))) == pytest.approx(0.2, abs=0.03)
    assert np.mean(layers.RandomInvert(seed=2)(x)[:, 0, 0, 0] != x[:, 0, 0, 0]) == pytest.approx(
        0.5, abs=0.03
    )
    white = np.full((3000, 30, 20, 1), 255, np.float32)
    hidden = (layers.RandomErasing((1, 1), (0.25, 0.25), 0, seed=1)(white) == 0).mean()
    assert hidden == pytest.approx(0.25, abs=0.02)


# --- what belongs to the images -------------------------------------------------------------------


def sample(count: int = 12) -> dict[str, Any]:
    chance = np.random.default_rng(4)
    masks = np.zeros((count, 9, 8, 1), np.uint8)
    masks[:, 2:5, 1:4] = 3
    return {
        "images": np.tile(COLORS, (count, 1, 1, 1)) + chance.random((count, 9, 8, 3)),
        "labels": np.eye(count)[chance.permutation(count)],
        "segmentation_masks": masks,
        "bounding_boxes": {
            "boxes": np.tile(np.float32([[1, 2, 4, 5]]), (count, 1, 1)),
            "labels": np.full((count, 1), 7),
        },
    }


@pytest.mark.parametrize("cls", LAYERS)
def test_masks_and_boxes_go_along(cls: type[PictureLayer]) -> None:
    given = sample()
    before = {name: np.copy(part) for name, part in given.items() if name != "bounding_boxes"}
    options = {"fill_mode": "constant"} if "fill_mode" in ARGUMENTS.get(cls.__name__, {}) else {}
    found = made(cls, bounding_box_format="xyxy", **options)(given)
    for name, part in before.items():
        np.testing.assert_array_equal(given[name], part, "the caller's arrays stay")
    np.testing.assert_array_equal(found["images"], made(cls)(given["images"]))
    masks = found["segmentation_masks"]
    assert masks.dtype == np.uint8
    assert set(np.unique(masks)) <= {0, 3}
    if not issubclass(cls, (layers.RandAugment, layers.RandomZoom)) and hasattr(cls, "maps"):
        for mask, (left, top, right, bottom) in zip(
            masks[..., 0], found["bounding_boxes"]["boxes"][:, 0], strict=True
        ):
            outside = np.ones_like(mask, bool)
            outside[int(top) : int(np.ceil(bottom)), int(left) : int(np.ceil(right))] = False
            # Mirrored copies beyond the border are no part of the box.
            inner = mask.astype(bool) & outside
            assert inner.sum() <= 8
    if not issubclass(cls, (layers.MixUp, layers.CutMix)):
        np.testing.assert_array_equal(found["labels"], given["labels"])


@pytest.mark.parametrize("cls", LAYERS)
def test_channels_may_come_first(cls: type[PictureLayer]) -> None:
    def turned(part: Any) -> Any:
        return np.moveaxis(part, -1, 1)

    given = sample()
    arrays = ("images", "segmentation_masks")
    options = {"bounding_box_format": "xyxy"}
    last, first = made(cls, **options), made(cls, **options, data_format="channels_first")
    wanted = last(given)
    found = first(given | {name: turned(given[name]) for name in arrays})
    for name in arrays:
        np.testing.assert_array_equal(found[name], turned(wanted[name]))
        assert found[name].dtype == wanted[name].dtype
    np.testing.assert_array_equal(found["labels"], wanted["labels"])
    for name in ("boxes", "labels"):
        np.testing.assert_array_equal(found["bounding_boxes"][name], wanted["bounding_boxes"][name])
    y = last(given["images"])
    copy = cls.from_config(json.loads(json.dumps(first.get_config())))
    copy.random_state = first.random_state
    np.testing.assert_array_equal(first(turned(given["images"])), turned(y))
    np.testing.assert_array_equal(copy(turned(given["images"])), turned(y))
    one = first(turned(given["images"])[0])
    np.testing.assert_array_equal(one, np.moveaxis(last(given["images"][0]), -1, 0))
    assert first.compute_output_shape((None, 3, 9, 8)) == (None, *one.shape)


def test_a_network_with_channels_first_augments_alike() -> None:
    x = np.stack([COLORS, COLORS[::-1]]) / 255
    head = layers.Dense(2)
    losses = []
    for form, images in (("channels_last", x), ("channels_first", np.moveaxis(x, -1, 1))):
        order = {"data_format": form}
        parts = [
            layers.Input(images.shape[1:]),
            layers.Resizing(12, 10, **order),
            layers.RandomFlip(seed=2, **order),
            layers.RandomCrop(7, 6, seed=3, **order),
            layers.CenterCrop(5, 6, **order),
            layers.GlobalAveragePooling2D(**order),
            head,
        ]
        model = cnnx.Sequential(parts)
        model.compile(cnnx.optimizers.SGD(0), "mean_squared_error")
        losses.append([model.train_on_batch(images, np.ones((2, 2))) for _ in range(3)])
        losses[-1] += [model.predict(images, verbose=0).tolist()]
    assert losses[0] == losses[1]


@pytest.mark.parametrize(
    ("form", "box"),
    {
        "xyxy": [1, 2, 4, 7],
        "yxyx": [2, 1, 7, 4],
        "xywh": [1, 2, 3, 5],
        "center_xywh": [2.5, 4.5, 3, 5],
        "center_yxhw": [4.5, 2.5, 5, 3],
        "rel_xyxy": [1 / 8, 2 / 9, 4 / 8, 7 / 9],
        "rel_yxyx": [2 / 9, 1 / 8, 7 / 9, 4 / 8],
        "rel_xywh": [1 / 8, 2 / 9, 3 / 8, 5 / 9],
        "rel_center_xywh": [2.5 / 8, 4.5 / 9, 3 / 8, 5 / 9],
    }.items(),
)
def test_boxes_in_every_format(form: str, box: list[float]) -> None:
    boxes = {"boxes": np.float32([[box]]), "labels": np.array([[2]])}
    layer = layers.RandomTranslation((0, 0), (0, 0), bounding_box_format=form)
    found = layer({"images": COLORS[None], "bounding_boxes": boxes})["bounding_boxes"]
    np.testing.assert_allclose(found["boxes"], boxes["boxes"], rtol=1e-5)
    np.testing.assert_array_equal(found["labels"], [[2]])


def test_boxes_move_with_the_pixels() -> None:
    def moved(layer: PictureLayer, *boxes: list[float]) -> Any:
        given = {"boxes": np.float32([boxes]), "labels": np.arange(len(boxes))[None]}
        return layer({"images": COLORS[None], "bounding_boxes": given})["bounding_boxes"]

    form = {"bounding_box_format": "xyxy"}
    found = moved(layers.RandomTranslation((1 / 3, 1 / 3), (0.5, 0.5), **form), [1, 2, 3, 4])
    np.testing.assert_allclose(found["boxes"], [[[5, 5, 7, 7]]], atol=1e-5)
    turned = moved(layers.RandomRotation((0.5, 0.5), **form), [1, 2, 3, 4])
    np.testing.assert_allclose(turned["boxes"], [[[5, 5, 7, 7]]], atol=1e-4)
    zoomed = moved(layers.RandomZoom((-0.5, -0.5), **form), [3, 3, 6, 5.5])
    np.testing.assert_allclose(zoomed["boxes"], [[[2, 1.5, 8, 6.5]]], atol=1e-5)
    gone = moved(layers.RandomTranslation((0, 0), (0.5, 0.5), **form), [5, 1, 7, 3], [0, 0, 4, 4])
    np.testing.assert_allclose(gone["boxes"], [[[-1] * 4, [4, 0, 8, 4]]], atol=1e-5)
    np.testing.assert_array_equal(gone["labels"], [[-1, 1]])
    flip = layers.RandomFlip("horizontal", seed=1, **form)
    given = {"boxes": np.tile(np.float32([[1, 2, 3, 4]]), (20, 1, 1))}
    many = flip({"images": np.tile(COLORS, (20, 1, 1, 1)), "bounding_boxes": given})
    mirrored = (many["images"][:, 0, 0] == COLORS[0, -1]).all(1)
    assert 0 < mirrored.sum() < 20
    wanted = np.where(mirrored[:, None], [5, 2, 7, 4], [1, 2, 3, 4])
    np.testing.assert_allclose(many["bounding_boxes"]["boxes"][:, 0], wanted, atol=1e-5)


@pytest.mark.parametrize("cls", [layers.MixUp, layers.CutMix])
def test_mixtures_mix_labels_as_they_mix_pixels(cls: type[PictureLayer]) -> None:
    """Image i is white where class i is; so the mean of channel i is the weight of class i."""
    count = 6
    x = np.zeros((count, 10, 12, count), np.float32)
    for n in range(count):
        x[n, ..., n] = 1
    found = cls(1.0, seed=2)({"images": x, "labels": np.eye(count)})
    np.testing.assert_allclose(found["images"].mean((1, 2)), found["labels"], atol=1e-5)
    assert ((found["labels"] > 0) & (found["labels"] < 1)).any()
    assert found["labels"].sum(1) == pytest.approx(np.ones(count))


def test_weights_of_mixtures() -> None:
    eye = {"images": np.zeros((4000, 2, 2, 1)), "labels": np.arange(4000)[:, None]}
    x = np.arange(4000, dtype=np.float32)[:, None, None, None] * np.ones((1, 2, 2, 1))
    y = layers.MixUp(0.3, seed=1)(eye | {"images": x})
    np.testing.assert_allclose(y["images"][:, 0, 0], y["labels"], rtol=1e-4, atol=1e-2)
    layer = layers.MixUp(0.3, seed=1)
    weights = layer.draw((4000, 2, 2, 1))._weights
    assert weights.mean() == pytest.approx(0.5, abs=0.03)
    assert weights.var() == pytest.approx(0.25 / 1.6, abs=0.01)  # of Beta(a, a): 1 / 4(2a + 1)


def test_crops() -> None:
    x = np.arange(9 * 8, dtype=np.float32).reshape(1, 9, 8, 1).repeat(500, 0)
    boxes = {"boxes": np.tile(np.float32([[3, 4, 5, 6]]), (500, 1, 1))}
    layer = layers.RandomCrop(6, 5, seed=1, bounding_box_format="xyxy")
    given = {"images": x, "segmentation_masks": x[..., 0], "bounding_boxes": boxes}
    found = layer(given)
    places = found["images"][:, 0, 0, 0].astype(int)
    rows, columns = places // 8, places % 8
    assert set(rows) == {0, 1, 2, 3}, "every place is drawn"
    assert set(columns) == {0, 1, 2, 3}
    assert np.bincount(rows).min() > 90
    for n in range(5):
        part = x[n, rows[n] : rows[n] + 6, columns[n] : columns[n] + 5]
        np.testing.assert_array_equal(found["images"][n], part)
        np.testing.assert_array_equal(found["segmentation_masks"][n], part[..., 0])
    moved = found["bounding_boxes"]["boxes"][:, 0]
    left, top = 3 - columns, 4 - rows
    whole = (left >= 0) & (top >= 0) & (left + 2 <= 5) & (top + 2 <= 6)
    np.testing.assert_array_equal(moved[whole], np.stack([left, top, left + 2, top + 2], 1)[whole])
    middle = layers.CenterCrop(6, 5)(x[0])
    np.testing.assert_array_equal(middle, x[0, 1:7, 1:6])
    resized = layers.RandomCrop(18, 16)(x[:1], training=True)
    np.testing.assert_allclose(resized, layers.Resizing(18, 16)(x[:1]), rtol=1e-6)
    np.testing.assert_allclose(layers.RandomCrop(18, 16)(x[:1], training=False), resized)


def test_resizing_takes_masks_and_boxes_along() -> None:
    masks = np.zeros((1, 9, 8), np.int64)
    masks[:, 3:6, 2:4] = 5
    boxes = {"boxes": np.float32([[[2, 3, 4, 6]]]), "labels": np.array([[1]])}
    layer = layers.Resizing(18, 8, bounding_box_format="xyxy")
    found = layer({"images": COLORS[None], "segmentation_masks": masks, "bounding_boxes": boxes})
    np.testing.assert_allclose(found["bounding_boxes"]["boxes"], [[[2, 6, 4, 12]]])
    np.testing.assert_array_equal(found["segmentation_masks"], masks.repeat(2, axis=1))
    wide = layers.Resizing(9, 18, pad_to_aspect_ratio=True, bounding_box_format="rel_xyxy")
    share = {"boxes": np.float32([[[0, 0, 1, 1]]])}
    padded = wide({"images": COLORS[None], "bounding_boxes": share})["bounding_boxes"]["boxes"]
    np.testing.assert_allclose(padded, [[[5 / 18, 0, 13 / 18, 1]]], rtol=1e-5)


def test_resizing_as_pillow() -> None:
    pillow = pytest.importorskip("PIL.Image")
    for name, kind in {"bilinear": "BILINEAR", "bicubic": "BICUBIC", "lanczos3": "LANCZOS"}.items():
        for size in ((5, 6), (20, 7)):
            image = pillow.fromarray(COLORS[..., 0]).resize(size[::-1], pillow.Resampling[kind])
            found = layers.Resizing(*size, name, antialias=True)(COLORS[..., :1])
            np.testing.assert_allclose(found[..., 0], np.asarray(image), atol=1e-3)


def test_what_a_dict_must_hold() -> None:
    layer = layers.RandomFlip()
    images = np.zeros((2, 3, 3, 1))
    for given, error, message in (
        ({"labels": [1]}, TypeError, "a dict must hold 'images', and may hold 'labels'"),
        ({"images": images, "mask": 1}, TypeError, "got 'images', 'mask'"),
        ({"images": images, "bounding_boxes": {"boxes": images}}, ValueError, "need the argument"),
        (
            {"images": images, "segmentation_masks": np.zeros((2, 4, 3, 1))},
            ValueError,
            "segmentation_masks must be (pictures, height, width, channels) as images of shape",
        ),
    ):
        with pytest.raises(error, match=re.escape(message)):
            layer(given)
    boxed = layers.RandomFlip(bounding_box_format="xyxy")
    for boxes, error, message in (
        (np.zeros((2, 1, 4)), TypeError, "bounding_boxes must be a dict"),
        ({"boxes": np.zeros((2, 4))}, ValueError, "boxes (pictures, boxes, 4) of 2 pictures, got"),
        ({"boxes": np.zeros((2, 1, 4)), "labels": [1, 2]}, ValueError, "a label for each of the b"),
    ):
        with pytest.raises(error, match=re.escape(message)):
            boxed({"images": images, "bounding_boxes": boxes})
    for labels in ([0, 1], np.eye(3)):
        with pytest.raises(ValueError, match=r"MixUp .*labels must be one-hot rows \(2, classes"):
            layers.MixUp()({"images": images, "labels": labels})


def test_gradients_do_not_flow_through_colours() -> None:
    hue = layers.RandomHue(0.2)
    model = cnnx.Sequential([layers.Input((4, 4, 3)), layers.Conv2D(3, 1), hue, layers.Flatten()])
    model.compile("sgd", "mean_squared_error")
    with pytest.raises(ValueError, match=r"RandomHue .*gradients do not flow through it in train"):
        model.train_on_batch(np.ones((2, 4, 4, 3)), np.ones((2, 48)))


def test_gradients_skip_what_is_hidden() -> None:
    erasing = layers.RandomErasing((1, 1), (0.25, 0.25), 0, (-9, 9), seed=1)
    model = cnnx.Sequential([layers.Input((8, 8, 1)), layers.Conv2D(1, 1, use_bias=False), erasing])
    model.set_weights([np.ones((1, 1, 1, 1))])
    y = model.forward(np.ones((3, 8, 8, 1)), training=True)
    (gradient,) = model.backward(np.ones_like(y))
    assert gradient.item() == pytest.approx(y.sum())


# --- moved pixels, and contrast -------------------------------------------------------------------


@pytest.mark.parametrize("value_range", [None, (-0.5, 0.7)])
@pytest.mark.parametrize(("factor", "ends"), [(0.5, (0.5, 1.5)), ((0.9, 0.2), (0.1, 1.2))])
def test_contrast(factor: Any, ends: tuple[float, float], value_range: Any) -> None:
    """Factors are even from 1 - lower to 1 + upper; values beyond the range are set to its ends."""
    x = normal(1, 400, 5, 4, 2)
    layer = layers.RandomContrast(factor, value_range, seed=3)
    y = layer(x, training=True)
    drawn = layers.RandomContrast(factor, seed=3).uniform_numbers(400)
    factors = (ends[0] + (ends[1] - ends[0]) * drawn)[..., None, None]
    assert abs(factors.mean() - np.mean(ends)) < 0.05
    assert factors.min() < ends[0] + 0.02 < ends[1] - 0.02 < factors.max()
    mean = x.mean(axis=(1, 2), keepdims=True)
    wanted = (x - mean) * factors + mean
    low, high = (-np.inf, np.inf) if value_range is None else value_range
    np.testing.assert_allclose(y, np.clip(wanted, low, high), rtol=1e-4, atol=1e-5)

    model = cnnx.Sequential([cnnx.Input((5, 4, 2)), layers.Conv2D(2, 1, use_bias=False), layer])
    model.set_weights([np.eye(2).reshape(1, 1, 2, 2)])
    layer.random_state = layers.RandomContrast(factor, seed=3).random_state
    model.forward(x, training=True)
    dy = normal(2, *x.shape)
    (found,) = model.backward(dy)
    kept = dy * ((wanted > low) & (wanted < high))
    dx = kept * factors + (1 - factors) * kept.mean(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(found[0, 0], np.einsum("nhwi,nhwo->io", x, dx), rtol=1e-3, atol=0.05)


def test_zoom_by_a_share_shows_that_much_more() -> None:
    x = np.zeros((1, 9, 9, 1), np.float32)
    x[:, 2:7, 2:7] = 1
    smaller = layers.RandomZoom((0.5, 0.5), fill_mode="constant")(x, training=True)
    larger = layers.RandomZoom((-0.5, -0.5))(x, training=True)
    assert smaller.sum() < x.sum() / 2
    assert larger.sum() > 2 * x.sum()


def test_no_gradient_is_computed_below_augmentation() -> None:
    flip = layers.RandomFlip()
    model = cnnx.Sequential([layers.Input((4, 4, 1)), flip, layers.Flatten(), layers.Dense(1)])
    model.compile("sgd", "mean_squared_error")
    flip.backward = None  # not called
    model.train_on_batch(np.ones((2, 4, 4, 1)), np.ones((2, 1)))
