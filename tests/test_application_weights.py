"""Weights of networks of cnnx.applications in files: ours, Keras', torchvision's and timm's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

import cnnx
from agreement import assert_close
from application_networks import SHAPE, pictures, randomised, small
from cnnx import applications, layers
from cnnx.applications import imagenet_utils
from cnnx.applications.application import Request

pytestmark = pytest.mark.one_isa

thorough = pytest.mark.thorough


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


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Keras, about NumPy 2
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
def test_files_of_keras(keras: Any, name: str, tmp_path: Path) -> None:
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
