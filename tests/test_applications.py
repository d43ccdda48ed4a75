"""The networks of cnnx.applications: their sizes, arguments and training."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnnx
from agreement import assert_close
from application_networks import SHAPE, pictures, randomised, small
from cnnx import applications, layers

FUNCTIONS = [name for name in applications.__all__ if not name.islower()]


# --- sizes ----------------------------------------------------------------------------------------

thorough = pytest.mark.thorough
SIZES: list[Any] = [
    # As Keras counts them; of ResNet-18 and -34 what torchvision counts as learned.
    ("MobileNet", 4_253_864, 4_231_976),
    ("MobileNetV2", 3_538_984, 3_504_872),
    ("MobileNetV3Small", 2_554_968, 2_542_856),
    ("MobileNetV3Large", 5_507_432, 5_483_032),
    ("ResNet18", None, 11_689_512),
    ("ResNet34", None, 21_797_672),
    ("ResNet50", 25_636_712, 25_583_592),
    ("ResNet50V2", 25_613_800, 25_568_360),
    ("DenseNet121", 8_062_504, 7_978_856),
    ("EfficientNetB0", 5_330_570, 5_288_548),  # without the number of samples that Keras keeps
    ("EfficientNetB1", 7_856_238, 7_794_184),
    ("EfficientNetLite0", 4_694_024, 4_652_008),
    ("EfficientNetLite1", None, 5_416_680),
    *(
        pytest.param(*row, marks=thorough)
        for row in (
            ("ResNet101", 44_707_176, 44_601_832),
            ("ResNet101V2", 44_675_560, 44_577_896),
            ("ResNet152", 60_419_944, 60_268_520),
            ("ResNet152V2", 60_380_648, 60_236_904),
            ("DenseNet169", 14_307_880, 14_149_480),
            ("DenseNet201", 20_242_984, 20_013_928),
            ("EfficientNetB2", 9_177_568, 9_109_994),
            ("EfficientNetB3", 12_320_534, 12_233_232),
            ("EfficientNetB4", 19_466_822, 19_341_616),
            ("EfficientNetB5", 30_562_526, 30_389_784),
            ("EfficientNetB6", 43_265_142, 43_040_704),
            ("EfficientNetB7", 66_658_686, 66_347_960),
            ("EfficientNetLite2", None, 6_092_072),
            ("EfficientNetLite3", None, 8_197_096),
            ("EfficientNetLite4", None, 13_006_568),
            ("VGG11", 132_863_336, 132_863_336),
            ("VGG13", 133_047_848, 133_047_848),
            ("VGG16", 138_357_544, 138_357_544),
            ("VGG19", 143_667_240, 143_667_240),
        )
    ),
]


@pytest.mark.parametrize(("name", "parameters", "learned"), SIZES)
def test_numbers_of_parameters(name: str, parameters: int | None, learned: int) -> None:
    model = getattr(applications, name)()
    assert sum(weight.size for weight in model.trainable_weights) == learned
    assert parameters in (None, model.count_params())
    assert model.output_shape == (None, 1000)
    assert model.name == name


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("VGG11", 9_220_480), ("VGG13", 9_404_992), ("VGG16", 14_714_688), ("VGG19", 20_024_384)],
)
def test_vgg_without_its_top(name: str, parameters: int) -> None:
    model = getattr(applications, name)(include_top=False)
    assert model.count_params() == parameters
    assert model.output_shape == (None, None, None, 512)


@pytest.mark.parametrize(
    ("name", "learned"), [("ResNet50", 25_557_032), ("DenseNet121", 7_978_856)]
)
def test_numbers_of_parameters_in_torchvision(name: str, learned: int) -> None:
    model = getattr(applications, name)(variant="torch")
    assert sum(weight.size for weight in model.trainable_weights) == learned


@pytest.mark.parametrize(
    ("alpha", "millions"), [(0.35, 1.66), (0.5, 1.95), (0.75, 2.61), (1.3, 5.34), (1.4, 6.06)]
)
def test_mobilenet_v2_of_other_widths(alpha: float, millions: float) -> None:
    """The figures of Keras' documentation, which leave out batch normalisation."""
    model = applications.MobileNetV2(alpha=alpha)
    learned = sum(weight.size for weight in model.trainable_weights)
    averages = model.count_params() - learned
    assert round((learned - averages) / 1e6, 2) == millions


def test_lenet_has_61706_parameters() -> None:
    assert applications.LeNet5(classes=10).count_params() == 61_706


def test_unet_as_its_paper_and_as_with_batch_norm() -> None:
    """The second is what the usual program in PyTorch counts for two classes of colour pictures."""
    plain = applications.UNet((64, 64, 1), batch_normalization=False)
    assert plain.count_params() == 31_030_658
    model = applications.UNet((64, 64, 3))
    assert sum(weight.size for weight in model.trainable_weights) == 31_037_698
    merged = [layer for layer in model.layers if isinstance(layer, layers.Concatenate)]
    extents = [(8, 8, 1024), (16, 16, 512), (32, 32, 256), (64, 64, 128)]
    assert [layer.output.shape[1:] for layer in merged] == extents


# --- arguments ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_arguments_are_those_of_keras(name: str) -> None:
    function = getattr(applications, name)
    arguments = inspect.signature(function).parameters
    wanted = {"include_top", "weights", "input_tensor", "input_shape", "classes", "name"}
    assert wanted <= set(arguments)
    assert arguments["weights"].default is None
    assert function.__name__ == name
    assert function.__doc__.strip().startswith("Return ")


LIGHT = ["LeNet5", "MobileNet", "MobileNetV2", "MobileNetV3Small", "ResNet18", "EfficientNetLite0"]


@pytest.mark.parametrize("name", LIGHT)
def test_features_and_what_pools_them(name: str) -> None:
    cnnx.utils.set_random_seed(0)
    body = small(name, include_top=False)
    average = small(name, include_top=False, pooling="avg")
    largest = small(name, include_top=False, pooling="max")
    average.set_weights(body.get_weights())
    largest.set_weights(body.get_weights())
    x = pictures(*body.input_shape[1:])
    features = body.predict(x, verbose=0)
    assert features.ndim == 4
    assert_close(average.predict(x, verbose=0), features.mean((1, 2)))
    np.testing.assert_array_equal(largest.predict(x, verbose=0), features.max((1, 2)))


def test_a_value_as_input_and_logits() -> None:
    image = cnnx.Input((64, 80, 3), name="photo")
    half = layers.AveragePooling2D(2)(image)
    model = small("MobileNet", input_tensor=half, input_shape=None, classifier_activation=None)
    assert model.input_names == ["photo"]
    assert model.get_layer("conv1").input_shape == (None, 32, 40, 3)
    logits = randomised(model).predict(pictures(64, 80, 3), verbose=0)
    assert logits.min() < 0
    with pytest.raises(ValueError, match=r"MobileNet: input_shape must be \(32, 40, 3\)"):
        small("MobileNet", input_tensor=half, input_shape=(32, 32, 3))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"weights": "imagenet"}, "ResNet18: weights='imagenet' would be a download"),
        ({"pooling": "mean"}, "ResNet18: pooling must be"),
        ({"variant": "tf"}, "ResNet18: variant must be"),
        ({"classes": 0}, "ResNet18: classes must be"),
        ({"input_shape": (16, 32, 3)}, "ResNet18: input_shape must have 32 rows and columns"),
        ({"input_shape": (32, 32)}, r"input_shape must be \(height, width, channels\)"),
    ],
)
def test_what_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        applications.ResNet18(**arguments)


def test_arguments_of_other_types_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="ResNet18: weights must be None or the path"):
        applications.ResNet18(weights=3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="ResNet18: input_tensor must be a value"):
        applications.ResNet18(input_tensor=np.zeros((1, 32, 32, 3)))  # type: ignore[arg-type]
    with pytest.raises(FileNotFoundError, match="nowhere"):
        applications.ResNet18(weights=tmp_path / "nowhere")
    with pytest.raises(ValueError, match="UNet: height and width must be multiples of 16"):
        applications.UNet((40, 32, 3))


def test_a_network_trains_is_saved_and_loaded(tmp_path: Path) -> None:
    cnnx.utils.set_random_seed(0)
    model = small("MobileNetV3Small", classes=3)
    model.compile("adam", "sparse_categorical_crossentropy")
    x = pictures(*SHAPE)
    losses = model.fit(x, np.arange(3), epochs=8, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    model.save(tmp_path / "model.safetensors")
    again = cnnx.models.load_model(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))


def test_blocks_are_left_out_as_in_keras() -> None:
    """From the second of a group on: .2 times the share of the blocks that come before it."""
    model = applications.EfficientNetB0()
    dropped = {
        layer.name.removesuffix("_drop"): round(layer.rate * 80)
        for layer in model.layers
        if layer.name.endswith("_drop")
    }
    names = [f"block{name}" for name in ["2b", "3b", "4b", "4c", "5b", "5c", "6b", "6c", "6d"]]
    assert dropped == dict(zip(names, [2, 4, 6, 7, 9, 10, 12, 13, 14], strict=True))
    layer = model.get_layer("block6d_drop")
    assert layer.noise_shape == (None, 1, 1, 1)
    x = np.ones((64, 2, 2, 192), np.float32)
    y = layer(x, training=True)
    assert set(np.unique(y)) == {0, np.float32(1 / (1 - 0.175))}
    np.testing.assert_array_equal(y, y[:, :1, :1, :1] + np.zeros_like(y))
