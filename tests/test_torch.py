"""Weights, files, tensors and batches of PyTorch."""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

import cnnx
from cnnx import layers

torch = pytest.importorskip("torch", reason="PyTorch is not installed: the extra torch")
nn = torch.nn

MOMENTUM = {"epsilon": 1e-5, "momentum": 0.9}


class Residual(nn.Module):
    """Two 3x3 with a shortcut that PyTorch registers last, as torchvision's ResNets do."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(6)
        self.conv2 = nn.Conv2d(6, 6, 3, padding=1, groups=2)
        self.downsample = nn.Sequential(nn.Conv2d(3, 6, 1, stride=2, bias=False), nn.BatchNorm2d(6))

    def forward(self, x: Any) -> Any:
        main = self.conv2(torch.relu(self.bn1(self.conv1(x))))
        return torch.relu(main + self.downsample(x))


def residual() -> tuple[cnnx.Model, dict[str, str]]:
    x = cnnx.Input((9, 8, 3))
    shortcut = layers.Conv2D(6, 1, strides=2, use_bias=False, name="short")(x)
    shortcut = layers.BatchNormalization(**MOMENTUM, name="short_norm")(shortcut)
    y = layers.Conv2D(6, 3, strides=2, padding=1, use_bias=False)(x)
    y = layers.ReLU()(layers.BatchNormalization(**MOMENTUM)(y))
    y = layers.Conv2D(6, 3, padding=1, groups=2)(y)
    model = cnnx.Model(x, layers.ReLU()(shortcut + y))
    return model, {"short": "downsample.0", "short_norm": "downsample.1"}


def chain(*parts: Any, shape: tuple[int, ...]) -> cnnx.Model:
    return cnnx.Sequential([cnnx.Input(shape), *parts])


def _flattened() -> tuple[Any, cnnx.Model]:
    theirs = nn.Sequential(
        nn.Conv2d(2, 5, 3),
        nn.PReLU(5),
        nn.Flatten(),
        nn.BatchNorm1d(5 * 4 * 5),
        nn.Linear(5 * 4 * 5, 7),
        nn.ReLU(),
        nn.Linear(7, 3),
    )
    ours = chain(
        layers.Conv2D(5, 3),
        layers.PReLU(shared_axes=(1, 2)),
        layers.Flatten(),
        layers.BatchNormalization(**MOMENTUM),
        layers.Dropout(0.5),
        layers.Dense(7, activation="relu"),
        layers.Dense(3),
        shape=(6, 7, 2),
    )
    return theirs, ours


def _decoder() -> tuple[Any, cnnx.Model]:
    theirs = nn.Sequential(
        nn.Linear(4, 3 * 2 * 5),
        nn.BatchNorm1d(3 * 2 * 5),
        nn.ReLU(),
        nn.Unflatten(1, (5, 3, 2)),
        nn.ConvTranspose2d(5, 4, 3, stride=2, padding=1, output_padding=1, groups=1),
        nn.GroupNorm(2, 4),
        nn.ConvTranspose2d(4, 6, (2, 3), stride=2, groups=2, bias=False),
    )
    ours = chain(
        layers.Dense(30),
        layers.BatchNormalization(**MOMENTUM),
        layers.ReLU(),
        layers.Reshape((3, 2, 5)),
        layers.Conv2DTranspose(4, 3, strides=2, padding=1, output_padding=1),
        layers.GroupNormalization(2, epsilon=1e-5),
        layers.Conv2DTranspose(6, (2, 3), strides=2, groups=2, use_bias=False),
        shape=(4,),
    )
    return theirs, ours


def _depthwise() -> tuple[Any, cnnx.Model]:
    theirs = nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1, groups=3),
        nn.Conv2d(6, 6, 5, padding=2, groups=6, bias=False),
        nn.Conv2d(6, 4, 1),
        nn.BatchNorm2d(4, affine=False),
    )
    ours = chain(
        layers.DepthwiseConv2D(3, padding=1, depth_multiplier=2),
        layers.SeparableConv2D(4, 5, padding=2),
        layers.BatchNormalization(**MOMENTUM, center=False, scale=False),
        shape=(6, 5, 3),
    )
    return theirs, ours


def _signals() -> tuple[Any, cnnx.Model]:
    theirs = nn.Sequential(
        nn.Conv1d(2, 6, 5, dilation=2),
        nn.ReLU(),
        nn.ConvTranspose1d(6, 3, 4, stride=2),
        nn.Flatten(),
        nn.Linear(3 * 14, 8),
        nn.LayerNorm(8),
        nn.Linear(8, 2),
    )
    ours = chain(
        layers.Conv1D(6, 5, dilation_rate=2, activation="relu"),
        layers.Conv1DTranspose(3, 4, strides=2),
        layers.Flatten(),
        layers.Dense(8),
        layers.LayerNormalization(epsilon=1e-5),
        layers.Dense(2),
        shape=(14, 2),
    )
    return theirs, ours


def _concatenated() -> tuple[Any, cnnx.Model]:
    class Theirs(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(2, 3, 3)
            self.dense = nn.Linear(3 * 2 * 3 + 2 * 4 * 5, 4)

        def forward(self, x: Any) -> Any:
            return self.dense(torch.cat([self.conv(x).flatten(1), x.flatten(1)], 1))

    x = cnnx.Input((4, 5, 2))
    flats = [layers.Flatten()(layers.Conv2D(3, 3)(x)), layers.Flatten()(x)]
    return Theirs(), cnnx.Model(x, layers.Dense(4)(layers.Concatenate()(flats)))


NETWORKS: dict[str, Callable[[], tuple[Any, cnnx.Model]]] = {
    "flattened": _flattened,
    "decoder": _decoder,
    "depthwise": _depthwise,
    "signals": _signals,
    "concatenated": _concatenated,
}


def random_state(network: Any) -> None:
    """Give a network weights, and statistics, that are all different."""
    generator = torch.Generator().manual_seed(3)
    for name, tensor in network.state_dict().items():
        if tensor.is_floating_point():
            tensor.copy_(torch.rand(tensor.shape, generator=generator) - 0.3)
            if name.endswith("running_var"):
                tensor.copy_(tensor.abs() + 0.5)


def outputs_agree(theirs: Any, ours: cnnx.Model) -> None:
    x = np.random.default_rng(5).standard_normal((3, *ours.input_shape[1:]), np.float32)
    theirs.eval()
    with torch.no_grad():
        expected = theirs(torch.from_numpy(np.ascontiguousarray(np.moveaxis(x, -1, 1)))).numpy()
    expected = np.moveaxis(expected, 1, -1) if expected.ndim > 2 else expected
    np.testing.assert_allclose(ours.predict(x, verbose=0), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", NETWORKS)
def test_weights_give_the_outputs_of_pytorch(name: str) -> None:
    theirs, ours = NETWORKS[name]()
    random_state(theirs)
    cnnx.torch.load_weights(ours, theirs.state_dict())
    outputs_agree(theirs, ours)


@pytest.mark.parametrize("name", NETWORKS)
def test_weights_go_to_pytorch(name: str) -> None:
    theirs, ours = NETWORKS[name]()
    ours.set_weights([np.random.default_rng(1).random(w.shape) + 0.1 for w in ours.weights])
    theirs.load_state_dict(cnnx.torch.state_dict(ours, like=theirs.state_dict()))
    outputs_agree(theirs, ours)


def test_names_pair_modules_that_stand_in_another_order() -> None:
    theirs = Residual()
    random_state(theirs)
    ours, names = residual()
    before = ours.get_weights()
    with pytest.raises(ValueError, match="say which is which: names="):
        cnnx.torch.load_weights(ours, theirs.state_dict())
    for old, new in zip(before, ours.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    cnnx.torch.load_weights(ours, theirs.state_dict(), names)
    outputs_agree(theirs, ours)
    other = Residual()
    other.load_state_dict(cnnx.torch.state_dict(ours, names, like=other.state_dict()))
    outputs_agree(other, ours)


def test_state_dict_calls_modules_as_the_layers_without_names() -> None:
    model = chain(
        layers.Conv2D(2, 3, name="first"),
        layers.SeparableConv2D(3, 3, name="second"),
        shape=(9, 9, 1),
    )
    names = ["first.weight", "first.bias", "second.0.weight", "second.1.weight", "second.1.bias"]
    assert list(cnnx.torch.state_dict(model)) == names
    assert "stem.weight" in cnnx.torch.state_dict(model, {"first": "stem"})


def test_tensors_of_a_state_dict_are_copies() -> None:
    model = chain(layers.Dense(3), shape=(2,))
    cnnx.torch.state_dict(model)[f"{model.layers[-1].name}.weight"].zero_()
    assert model.layers[-1].kernel.value.any()


def test_rotated_kernels() -> None:
    model = chain(layers.Conv2D(3, 3, operation="convolution"), shape=(6, 6, 2))
    theirs = nn.Conv2d(2, 3, 3)
    cnnx.torch.load_weights(model, theirs.state_dict())
    outputs_agree(theirs, model)


def test_modules_that_are_left() -> None:
    theirs, _ = _flattened()
    body = chain(layers.Conv2D(5, 3), layers.PReLU(shared_axes=(1, 2)), shape=(6, 7, 2))
    with pytest.raises(ValueError, match=re.escape("no layer takes the modules '3', '4', '6'")):
        cnnx.torch.load_weights(body, theirs.state_dict())
    cnnx.torch.load_weights(body, theirs.state_dict(), strict=False)
    outputs_agree(theirs[:2], body)


def test_too_few_modules() -> None:
    theirs, ours = _flattened()
    short = {name: t for name, t in theirs.state_dict().items() if not name.startswith("6")}
    with pytest.raises(ValueError, match="finds no module"):
        cnnx.torch.load_weights(ours, short)


def test_errors_of_names_and_models() -> None:
    theirs, ours = _flattened()
    with pytest.raises(ValueError, match="no layer with weights is called 'conv9'"):
        cnnx.torch.load_weights(ours, theirs.state_dict(), {"conv9": "0"})
    with pytest.raises(ValueError, match=r"has no weights yet; call build\(\)"):
        cnnx.torch.load_weights(cnnx.Sequential([layers.Dense(2)]), theirs.state_dict())
    with pytest.raises(TypeError, match="state_dict must be what a module's"):
        cnnx.torch.load_weights(ours, theirs)
    with pytest.raises(TypeError, match="must hold real numbers"):
        cnnx.torch.load_weights(ours, {"0.weight": "text"})
    untied = chain(layers.Conv2D(2, 3, bias="untied"), shape=(5, 5, 1))
    with pytest.raises(ValueError, match="PyTorch's bias is one number a channel"):
        cnnx.torch.state_dict(untied)
    slopes = chain(layers.PReLU(), shape=(5, 5, 2))
    with pytest.raises(ValueError, match="one slope a channel"):
        cnnx.torch.state_dict(slopes)


@pytest.mark.parametrize("form", ["state", "wrapped", "parallel"])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_files(tmp_path: Path, suffix: str, form: str) -> None:
    theirs, ours = _flattened()
    random_state(theirs)
    state = theirs.state_dict()
    if form == "parallel":
        state = {f"module.{name}": tensor for name, tensor in state.items()}
    path = tmp_path / f"weights{suffix}"
    if suffix == ".safetensors":
        save_file({name: np.ascontiguousarray(t.numpy()) for name, t in state.items()}, path)
    else:
        torch.save({"epoch": 3, "state_dict": state} if form == "wrapped" else state, path)
    cnnx.torch.load_weights(ours, path)
    outputs_agree(theirs, ours)


def test_safetensors_files_do_not_keep_the_order_of_modules(tmp_path: Path) -> None:
    theirs = Residual()
    random_state(theirs)
    state = {name: t.numpy() for name, t in theirs.state_dict().items()}
    save_file(state, tmp_path / "weights.safetensors")
    ours, names = residual()
    with pytest.raises(ValueError, match=r"does not keep the order of its modules.*'bn1'"):
        cnnx.torch.load_weights(ours, tmp_path / "weights.safetensors", names)
    others = [layer.name for layer in ours.layers if layer.weights and layer.name not in names]
    names |= dict(zip(others, ["conv1", "bn1", "conv2"], strict=True))
    cnnx.torch.load_weights(ours, tmp_path / "weights.safetensors", names)
    outputs_agree(theirs, ours)


def test_long_chains_in_safetensors_files(tmp_path: Path) -> None:
    theirs = nn.Sequential(*(nn.Linear(3, 3) for _ in range(12)))
    random_state(theirs)
    save_file({n: t.numpy() for n, t in theirs.state_dict().items()}, tmp_path / "w.safetensors")
    ours = chain(*(layers.Dense(3) for _ in range(12)), shape=(3,))
    cnnx.torch.load_weights(ours, tmp_path / "w.safetensors")
    outputs_agree(theirs, ours)


def test_pickled_code_is_not_run(tmp_path: Path) -> None:
    class Hostile:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "ran",))

    _, ours = _flattened()
    for name, write in (("a.pth", torch.save), ("b.pth", _pickle)):
        write({"0.weight": Hostile()}, tmp_path / name)
        with pytest.raises(ValueError, match=r"Save the tensors alone: torch\.save"):
            cnnx.torch.load_weights(ours, tmp_path / name)
    assert not (tmp_path / "ran").exists()


def _pickle(value: Any, path: Path) -> None:
    path.write_bytes(pickle.dumps(value))


def test_files_that_hold_no_state_dict(tmp_path: Path) -> None:
    _, ours = _flattened()
    (tmp_path / "a.pth").write_bytes(b"nothing of the kind")
    (tmp_path / "a.safetensors").write_bytes(b"nothing of the kind")
    torch.save([torch.zeros(3)], tmp_path / "list.pth")
    torch.save({"0.weight": {"a": 1}}, tmp_path / "nested.pth")
    torch.save({3: torch.zeros(3)}, tmp_path / "number.pth")
    for name, message in (
        ("nested.pth", "nested.pth: load_weights: 0.weight must hold real numbers, got dict"),
        ("number.pth", "number.pth: load_weights: the names of tensors must be texts, got 3"),
        ("a.pth", "cannot read it"),
        ("a.safetensors", "cannot read it"),
        ("list.pth", "it holds a list, not a state dict"),
    ):
        with pytest.raises(ValueError, match=message):
            cnnx.torch.load_weights(ours, tmp_path / name)
    with pytest.raises(FileNotFoundError):
        cnnx.torch.load_weights(ours, tmp_path / "missing.pth")


def classifier(shape: tuple[int, ...] | None = (8, 6, 3)) -> cnnx.Model:
    first = [] if shape is None else [cnnx.Input(shape)]
    model = cnnx.Sequential([*first, layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(2)])
    model.compile("sgd", "mse")
    return model


@pytest.mark.parametrize("declared", [False, True])
def test_loaders_with_channels_first(declared: bool) -> None:
    data = torch.utils.data
    x, y = torch.rand(20, 8, 6, 3), torch.rand(20, 2)
    set_ = data.TensorDataset(x.permute(0, 3, 1, 2).contiguous(), y)
    loader = data.DataLoader(set_, batch_size=8)
    stream = cnnx.torch.batches(loader) if declared else loader
    cnnx.random.set_seed(1)
    model = classifier()
    twin = cnnx.models.clone_model(model)
    twin.set_weights(model.get_weights())
    twin.compile("sgd", "mse")
    model.fit(stream, epochs=2, verbose=0, validation_data=stream)
    twin.fit(x.numpy(), y.numpy(), batch_size=8, shuffle=False, epochs=2, verbose=0)
    for one, other in zip(model.get_weights(), twin.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert model.evaluate(stream, verbose=0) == twin.evaluate(
        x.numpy(), y.numpy(), batch_size=8, verbose=0
    )


def test_declared_channels_of_a_model_without_an_input_shape() -> None:
    model = classifier(None)
    batch = torch.rand(4, 3, 8, 6), torch.rand(4, 2)
    model.fit(cnnx.torch.batches([batch]), verbose=0)
    assert model.input_shape == (None, 8, 6, 3)


def test_where_both_orders_fit_the_declaration_decides() -> None:
    model = chain(layers.Flatten(), shape=(3, 3, 3))
    x = torch.rand(2, 3, 3, 3)
    np.testing.assert_array_equal(model.predict(x, verbose=0), x.reshape(2, 27))
    moved = model.predict(cnnx.torch.batches([x]), verbose=0)
    np.testing.assert_array_equal(moved, x.permute(0, 2, 3, 1).reshape(2, 27))
    kept = model.predict(cnnx.torch.batches([x], channels_first=False), verbose=0)
    np.testing.assert_array_equal(kept, x.reshape(2, 27))


def test_tensors_with_channels_first_are_told_apart_and_arrays_are_not() -> None:
    model = chain(layers.Flatten(), shape=(4, 5, 2))
    x = torch.rand(3, 2, 4, 5)
    expected = x.permute(0, 2, 3, 1).reshape(3, 40)
    np.testing.assert_array_equal(model.predict(x, verbose=0), expected)
    with pytest.raises(ValueError, match="channels last"):
        model.predict(x.numpy(), verbose=0)
    signals = chain(layers.Flatten(), shape=(7, 2))
    x = torch.rand(3, 2, 7)
    np.testing.assert_array_equal(signals.predict(x, verbose=0), x.permute(0, 2, 1).reshape(3, 14))


def test_targets_with_channels_first() -> None:
    model = chain(layers.Conv2D(2, 1), shape=(4, 5, 3))
    model.compile("sgd", "mse")
    x, y = torch.rand(3, 4, 5, 3), torch.rand(3, 2, 4, 5)
    moved = model.evaluate(x, y.permute(0, 2, 3, 1).numpy(), verbose=0)
    assert model.evaluate(x, y, verbose=0) == moved


def test_tensors_that_learn_and_tensors_that_numpy_does_not_know() -> None:
    model = chain(layers.Dense(2), shape=(3,))
    x = torch.rand(4, 3, requires_grad=True)
    np.testing.assert_array_equal(
        model.predict(x, verbose=0), model.predict(x.detach().numpy(), verbose=0)
    )
    with pytest.raises(TypeError, match=r"predict: x: .*BFloat16.*\.float\(\)"):
        model.predict(x.bfloat16(), verbose=0)
