"""The networks of cnnx.applications: their sizes, their outputs beside others', their weights."""

from __future__ import annotations

import importlib.util
import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

import cnnx
from agreement import assert_close
from cnnx import applications, layers
from cnnx.applications import imagenet_utils
from cnnx.applications.application import Request

SHAPE = (32, 32, 3)
FUNCTIONS = [name for name in applications.__all__ if not name.islower()]


def small(name: str, **arguments: Any) -> cnnx.Model:
    """Build a network for small pictures and few classes."""
    shape = {"LeNet5": (32, 32, 1)}.get(name, SHAPE)
    function = getattr(applications, name)
    return function(**{"input_shape": shape, "classes": 7, **arguments})


def randomised(model: cnnx.Model, seed: int = 0) -> cnnx.Model:
    """Give a network weights with which its outputs differ from picture to picture."""
    chance = np.random.default_rng(seed)
    for weight in model.weights:
        if len(weight.shape) > 1:
            fan = weight.shape[0] * weight.shape[1] if weight.name == "depthwise_kernel" else 0
            fan = fan or int(np.prod(weight.shape[:-1]))
            weight.assign(chance.normal(0, np.sqrt(2 / fan), weight.shape))
        elif weight.name in ("gamma", "moving_variance", "variance"):
            weight.assign(chance.uniform(0.5, 1.5, weight.shape))
        else:
            weight.assign(chance.normal(0, 0.1, weight.shape))
    return model


def pictures(*shape: int) -> Any:
    return np.random.default_rng(1).uniform(0, 255, (3, *shape)).astype(np.float32)


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


# --- weights --------------------------------------------------------------------------------------


def test_a_file_of_ours(tmp_path: Path) -> None:
    model = randomised(small("MobileNetV2"))
    model.save_weights(tmp_path / "weights.safetensors")
    again = small("MobileNetV2", weights=tmp_path / "weights.safetensors")
    x = pictures(*SHAPE)
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))


def resnet_names(counts: tuple[int, ...], convolutions: int) -> Iterator[str]:
    """Yield the modules of torchvision's ResNet with weights."""
    yield from ("conv1", "bn1", "fc")
    for group, count in enumerate(counts, start=1):
        for block in range(count):
            front = f"layer{group}.{block}."
            for number in range(1, convolutions + 1):
                yield from (f"{front}conv{number}", f"{front}bn{number}")
            if not block and (group > 1 or convolutions == 3):
                yield from (f"{front}downsample.0", f"{front}downsample.1")


def densenet_names(counts: tuple[int, ...]) -> Iterator[str]:
    yield from ("features.conv0", "features.norm0", "features.norm5", "classifier")
    for block, count in enumerate(counts, start=1):
        for place in range(1, count + 1):
            front = f"features.denseblock{block}.denselayer{place}."
            yield from (front + part for part in ("norm1", "conv1", "norm2", "conv2"))
        if block < len(counts):
            yield from (f"features.transition{block}.norm", f"features.transition{block}.conv")


def mobilenet_v2_names() -> Iterator[str]:
    yield from ("features.0.0", "features.0.1", "features.18.0", "features.18.1", "classifier.1")
    yield from (f"features.1.conv.{part}" for part in ("0.0", "0.1", "1", "2"))
    for block in range(2, 18):
        for part in ("0.0", "0.1", "1.0", "1.1", "2", "3"):
            yield f"features.{block}.conv.{part}"


def timm_names(counts: tuple[int, ...], gates: bool) -> Iterator[str]:
    """Yield the modules of timm's networks of inverted residual blocks."""
    yield from ("conv_stem", "bn1", "conv_head", "bn2", "classifier")
    for group, count in enumerate(counts):
        for place in range(count):
            own = ["conv_dw", "bn1", "conv_pw", "bn2"]
            if group:
                own = ["conv_pw", "bn1", "conv_dw", "bn2", "conv_pwl", "bn3"]
            own += ["se.conv_reduce", "se.conv_expand"] if gates else []
            yield from (f"blocks.{group}.{place}.{part}" for part in own)


VGG16 = [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28]
MODULES: dict[str, tuple[str, list[str]]] = {
    "ResNet18": ("ResNet18", list(resnet_names((2, 2, 2, 2), 2))),
    "ResNet50": ("ResNet50", list(resnet_names((3, 4, 6, 3), 3))),
    "DenseNet121": ("DenseNet121", list(densenet_names((6, 12, 24, 16)))),
    "MobileNetV2": ("MobileNetV2", list(mobilenet_v2_names())),
    "MobileNetV2, timm": ("MobileNetV2", list(timm_names((1, 2, 3, 4, 3, 3, 1), False))),
    "EfficientNetB0, timm": ("EfficientNetB0", list(timm_names((1, 2, 2, 3, 3, 4, 1), True))),
    "EfficientNetLite0, timm": (
        "EfficientNetLite0",
        list(timm_names((1, 2, 2, 3, 3, 4, 1), False)),
    ),
}


def namings_of(name: str, monkeypatch: pytest.MonkeyPatch) -> tuple[cnnx.Model, list[Any]]:
    """Return a network as PyTorch has it, and the names that it knows for its layers."""
    seen: list[Any] = []
    original = Request.model

    def watch(self: Request, image: Any, output: Any, namings: Any = ()) -> cnnx.Model:
        seen.extend(namings)
        return original(self, image, output, namings)

    monkeypatch.setattr(Request, "model", watch)
    return small(name, variant="torch"), seen


@pytest.mark.parametrize("case", MODULES)
def test_files_of_pytorch_by_the_names_of_modules(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a .safetensors file, which keeps no order; a module that no layer takes is refused."""
    name, modules = MODULES[case]
    model, namings = namings_of(name, monkeypatch)
    own = [
        layer.name
        for layer in model.layers
        if layer.weights and not isinstance(layer, layers.Normalization)
    ]
    found = [{layer: naming(layer) for layer in own} for naming in namings]
    (names,) = [names for names in found if set(names.values()) == set(modules)]
    state = {
        f"{names[layer.name]}.{tensor}": np.ascontiguousarray(values)
        for layer in randomised(model).layers
        if layer.name in names
        for tensor, values in as_in_pytorch(layer)
    }
    path = tmp_path / "model.safetensors"
    safetensors.numpy.save_file(state, path)
    again = small(name, weights=path, variant="torch")
    x = pictures(*SHAPE)
    for one, other in zip(again.layers, model.layers, strict=True):
        if isinstance(other, layers.Normalization):
            other.set_weights(one.get_weights())  # not in the file
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
    body = small(name, weights=path, variant="torch", include_top=False)
    np.testing.assert_array_equal(body.get_weights()[-1], again.get_weights()[-3])
    safetensors.numpy.save_file({**state, "odd.weight": np.zeros(3, np.float32)}, path)
    with pytest.raises(ValueError, match="no layer for the module 'odd'"):
        small(name, weights=path, variant="torch")


def as_in_pytorch(layer: Any) -> Iterator[tuple[str, Any]]:
    """Yield a layer's weights as PyTorch's tensors."""
    values = layer.get_weights()
    if isinstance(layer, layers.BatchNormalization):
        names = ("weight", "bias", "running_mean", "running_var")
        yield from zip(names, values, strict=True)
        return
    kernel, *bias = values
    if isinstance(layer, layers.Dense):
        yield "weight", kernel.T
    elif isinstance(layer, layers.DepthwiseConv2D):
        yield "weight", kernel.transpose(2, 3, 0, 1)
    else:
        yield "weight", kernel.transpose(3, 2, 0, 1)
    if bias:
        yield "bias", bias[0]


def test_the_convolutions_of_vgg16_in_torchvision() -> None:
    modules = dict(applications.vgg._modules((2, 2, 3, 3, 3)))
    found = [int(modules[name].rpartition(".")[2]) for name in modules if name.startswith("block")]
    assert found == VGG16
    assert modules["fc2"] == "classifier.3"


KERAS = importlib.util.find_spec("keras") is not None and importlib.util.find_spec("torch")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Keras, about NumPy 2
@pytest.mark.skipif(not KERAS, reason="Keras and PyTorch, its backend here, are not installed")
@pytest.mark.parametrize(
    "name",
    [
        "MobileNet",
        "MobileNetV2",
        "MobileNetV3Small",
        "EfficientNetB0",
        *(
            pytest.param(name, marks=thorough)
            for name in ("MobileNetV3Large", "DenseNet121", "ResNet50", "ResNet50V2", "VGG16")
        ),
    ],
)
def test_files_of_keras(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    import keras

    side = 45  # odd, where borders differ most
    arguments: dict[str, Any] = {
        "input_shape": (side, side, 3),
        "classes": 7,
        "classifier_activation": None,
    }
    theirs = getattr(keras.applications, name)(weights=None, **arguments)
    counted = [weight for weight in theirs.weights if weight.shape]  # not the number of samples
    named = [weight.path.rpartition("/")[2] for weight in counted]
    chance = np.random.default_rng(0)
    for weight, own in zip(counted, named, strict=True):
        if len(weight.shape) > 1:
            whole = weight.shape[-1] > 1 or len(weight.shape) < 4  # not one channel each
            fan = np.prod(weight.shape[:-1] if whole else weight.shape[:2])
            values = chance.normal(0, np.sqrt(2 / fan), weight.shape)
        elif own in ("gamma", "moving_variance", "variance"):
            values = chance.uniform(0.5, 1.5, weight.shape)
        else:
            values = chance.normal(0, 0.1, weight.shape)
        weight.assign(values)
    path = tmp_path / "file.weights.h5"
    theirs.save_weights(path)
    ours = getattr(applications, name)(weights=path, **arguments)
    x = pictures(side, side, 3)
    if name in ("MobileNet", "MobileNetV2", "DenseNet121", "ResNet50", "ResNet50V2", "VGG16"):
        x = imagenet_utils.preprocess_input(x, mode="tf")
    wanted = theirs(x, training=False).detach().numpy()
    assert wanted.std(axis=0).min() > 1e-4
    assert_close(ours.predict(x, verbose=0), wanted, 1e-4)


TORCHVISION = [
    ("ResNet18", "resnet18"),
    ("ResNet50", "resnet50"),
    ("DenseNet121", "densenet121"),
    ("MobileNetV2", "mobilenet_v2"),
    ("MobileNetV3Small", "mobilenet_v3_small"),
    ("MobileNetV3Large", "mobilenet_v3_large"),
    ("EfficientNetB0", "efficientnet_b0"),
    pytest.param("VGG11", "vgg11", marks=thorough),
]
TIMM = [  # those that begin with tf_ are built as Google's
    ("ResNet50", "resnet50"),
    ("DenseNet121", "densenet121"),
    ("MobileNetV2", "mobilenetv2_100"),
    ("MobileNetV3Large", "mobilenetv3_large_100"),
    ("EfficientNetB0", "efficientnet_b0"),
    ("EfficientNetB0", "tf_efficientnet_b0"),
    ("EfficientNetLite0", "efficientnet_lite0"),
    ("EfficientNetLite0", "tf_efficientnet_lite0"),
]


def check_beside_pytorch(name: str, network: Any, path: Path, variant: str | None) -> None:
    """Compare a network of PyTorch with what is built with its file."""
    import torch

    torch.manual_seed(0)
    for key, tensor in network.eval().state_dict().items():
        if tensor.ndim > 1:
            tensor.normal_(0, float(np.sqrt(2 / np.prod(tensor.shape[1:]))))
        elif "running_var" in key or (tensor.ndim and key.endswith("weight")):
            tensor.uniform_(0.5, 1.5)
        elif tensor.ndim:
            tensor.normal_(0, 0.1)
    if path.suffix == ".pth":
        torch.save(network.state_dict(), path)
    else:
        state = {key: value.numpy() for key, value in network.state_dict().items()}
        safetensors.numpy.save_file(state, path)
    side = 224 if name == "VGG11" else 45
    arguments = {"input_shape": (side, side, 3), "classes": 7, "classifier_activation": None}
    model = getattr(applications, name)(weights=path, variant=variant, **arguments)
    x = pictures(side, side, 3)
    first = next((n for n in model.layers if n.name in ("conv", "stem_conv")), None)
    if first is None:
        x = ready = imagenet_utils.preprocess_input(x, mode="torch")
    else:  # after the layers that bring pixels into range
        ready = cnnx.Model(model.input, first.input).predict(x, verbose=0)
    with torch.no_grad():
        wanted = network(torch.from_numpy(ready.transpose(0, 3, 1, 2).copy())).numpy()
    assert wanted.std(axis=0).min() > 1e-4
    # Networks drawn at random make much of rounding: MobileNetV3-Large 80 times as much.
    assert_close(model.predict(x, verbose=0), wanted, 1e-3)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize(("name", "theirs"), TORCHVISION)
def test_files_of_torchvision(name: str, theirs: str, suffix: str, tmp_path: Path) -> None:
    vision = pytest.importorskip("torchvision", reason="torchvision is not installed")
    network = getattr(vision.models, theirs)(num_classes=7)
    check_beside_pytorch(name, network, tmp_path / f"file{suffix}", None)


@pytest.mark.parametrize(("name", "theirs"), TIMM)
def test_files_of_timm(name: str, theirs: str, tmp_path: Path) -> None:
    timm = pytest.importorskip("timm", reason="timm is not installed")
    network = timm.create_model(theirs, num_classes=7)
    variant = "keras" if theirs.startswith("tf_") else "torch"
    check_beside_pytorch(name, network, tmp_path / "file.safetensors", variant)


@pytest.mark.parametrize("name", ["EfficientNetB0", "MobileNetV3Small"])
def test_networks_of_pytorch_take_pixels(name: str) -> None:
    model = small(name, variant="torch")
    entry = next(layer for layer in model.layers if layer.name in ("conv", "stem_conv"))
    ready = cnnx.Model(model.input, entry.input).predict(pictures(*SHAPE), verbose=0)
    assert_close(ready, imagenet_utils.preprocess_input(pictures(*SHAPE), mode="torch"), 1e-6)


# --- pictures in, names out -----------------------------------------------------------------------


def test_preprocessing() -> None:
    x = pictures(2, 4, 3)
    given = x.copy()
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    wanted = {
        "tf": x / 127.5 - 1,
        "torch": (x / 255 - mean) / deviation,
        "caffe": x[..., ::-1] - np.array([103.939, 116.779, 123.68]),
    }
    for mode, expected in wanted.items():
        found = imagenet_utils.preprocess_input(x, mode=mode)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
        first = imagenet_utils.preprocess_input(x.transpose(0, 3, 1, 2), "channels_first", mode)
        np.testing.assert_array_equal(first, found.transpose(0, 3, 1, 2))
    np.testing.assert_array_equal(x, given)
    np.testing.assert_array_equal(
        applications.resnet.preprocess_input(x), imagenet_utils.preprocess_input(x)
    )
    np.testing.assert_array_equal(applications.efficientnet.preprocess_input(x), x)
    with pytest.raises(ValueError, match="x must be pictures of 3 channels"):
        imagenet_utils.preprocess_input(x[..., :2])


def test_names_of_the_likeliest_classes(tmp_path: Path) -> None:
    decode = imagenet_utils.decode_predictions
    shares = np.float32([[0.1, 0.7, 0.2], [0.4, 0.4, 0.2]])
    names = ["cat", "dog", "owl"]
    wanted = [[("1", "dog", 0.7), ("2", "owl", 0.2)], [("0", "cat", 0.4), ("1", "dog", 0.4)]]

    def rounded(found: Any) -> Any:
        return [[(a, b, round(share, 5)) for a, b, share in row] for row in found]

    assert rounded(decode(shares, 2, names)) == wanted
    lines, index = tmp_path / "names.txt", tmp_path / "index.json"
    lines.write_text("cat\ndog\nowl\n")
    index.write_text(json.dumps({str(n): [f"n{n}", name] for n, name in enumerate(names)}))
    assert rounded(decode(shares, 2, lines)) == wanted
    assert decode(shares, 1, index)[0][0][:2] == ("n1", "dog")
    assert len(decode(shares, class_index=names)[0]) == 3
    with pytest.raises(ValueError, match=r"class_index must say what the classes are called"):
        decode(shares)
    with pytest.raises(ValueError, match="2 names for 3 classes"):
        decode(shares, 2, names[:2])
    index.write_text('{"0": ["a"]}')
    with pytest.raises(ValueError, match=r"index\.json: decode_predictions: it holds no names"):
        decode(shares, 2, index)


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
