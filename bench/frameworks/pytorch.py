"""The networks in PyTorch: eager with either layout, and compiled."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from bench.frameworks import Step
from bench.networks import Array, Network, Shape, Weights, description
from bench.networks.description import Layer

_ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": lambda: nn.ReLU(inplace=True),
    "relu6": lambda: nn.ReLU6(inplace=True),
    "sigmoid": nn.Sigmoid,
}


class PyTorch:
    memory_format = torch.contiguous_format

    def __init__(self, threads: int) -> None:
        torch.set_num_threads(threads)
        torch.set_num_interop_threads(1)

    def version(self) -> str:
        return torch.__version__

    def training_step(self, network: Network, weights: list[Weights], x: Array, y: Array) -> Step:
        model = build_model(network, weights).to(memory_format=self.memory_format).train()
        images, targets = self._images(x), _turned(torch.from_numpy(y))
        loss_function = _loss_function(network)
        optimizer = torch.optim.Adam(
            model.parameters(),
            lr=description.LEARNING_RATE,
            betas=(description.BETA_1, description.BETA_2),
            eps=description.EPSILON,
            fused=True,
        )
        batch_loss = self._optimized(lambda: loss_function(model(images), targets))

        def step() -> float:
            optimizer.zero_grad(set_to_none=True)
            loss = batch_loss()
            loss.backward()
            optimizer.step()
            return loss.item()

        return step

    def inference_step(self, network: Network, weights: list[Weights], x: Array) -> Step:
        model = build_model(network, weights).to(memory_format=self.memory_format).eval()
        images = self._images(x)
        probabilities = _probabilities(network)
        outputs = self._optimized(lambda: probabilities(model(images)))

        def step() -> Tensor:
            with torch.inference_mode():
                return outputs()

        return step

    def layer_step(self, layer: Layer, kernel: Array, x: Array, dy: Array, way: str) -> Step:
        images, errors = self._images(x), self._images(dy)
        taps = torch.from_numpy(description.turned_kernel(kernel))
        if taps.ndim == 4:
            taps = taps.contiguous(memory_format=self.memory_format)
        axes = images.ndim - 2
        match layer:
            case description.Convolution():
                strides, border, groups = layer.strides, layer.border, layer.groups
            case description.TransposedConvolution():
                strides, border, groups = layer.size, 0, 1
        transposed = isinstance(layer, description.TransposedConvolution)
        pairs = [axes * [number] for number in (strides, border, 1)]
        windows = (*pairs, transposed, axes * [0], groups)
        mask = [way == "data", way == "weights", False]
        differentiate = torch.ops.aten.convolution_backward

        @torch.inference_mode()
        def step() -> Tensor:
            if way == "forward":
                return torch.convolution(images, taps, None, *windows).movedim(1, -1)
            dx, gradient, _ = differentiate(errors, images, taps, None, *windows, mask)
            if way == "data":
                return dx.movedim(1, -1)
            return gradient.permute(*range(2, gradient.ndim), 1, 0)

        return step

    def _images(self, x: Array) -> Tensor:
        return _turned(torch.from_numpy(x)).contiguous()

    def _optimized(self, function: Callable[[], Tensor]) -> Callable[[], Tensor]:
        return function


class PyTorchChannelsLast(PyTorch):
    memory_format = torch.channels_last

    def _images(self, x: Array) -> Tensor:
        return _turned(torch.from_numpy(x))


class PyTorchCompile(PyTorch):
    def _optimized(self, function: Callable[[], Tensor]) -> Callable[[], Tensor]:
        return torch.compile(function)


def _turned(values: Tensor) -> Tensor:
    """Return a view of images or sequences with the channels before rows and columns, or steps."""
    return values.movedim(-1, 1) if values.ndim > 2 else values


def build_model(network: Network, weights: list[Weights]) -> nn.Module:
    """Return the network up to its logits; its program lets go of each value after the last use."""
    program, modules = fx.Graph(), dict[str, nn.Module]()
    values = [program.placeholder("images")]
    turned = description.channels_first(network, weights)
    for (node, shapes), arrays in zip(network.shaped_nodes(), turned, strict=True):
        read = [values[number] for number in node.inputs]
        match node.layer:
            case description.Add():
                value = program.call_method("add_", tuple(read))
            case description.Concatenate():
                value = program.call_function(torch.cat, (read, 1))
            case _:
                value = read[0]
        activation = network.hidden_activation(node)
        for module in _modules(node.layer, shapes[0], arrays, activation):
            name = f"module_{len(modules)}"
            modules[name] = module
            value = program.call_module(name, (value,))
        values.append(value)
    program.output(values[-1])
    return fx.GraphModule(modules, program)


def _modules(
    layer: Layer, shape: Shape, arrays: Weights, activation: str | None
) -> Iterator[nn.Module]:
    """Yield what computes a node that reads a shape."""
    images = len(shape) == 3
    match layer:
        case description.Convolution():
            yield _filled(
                (nn.Conv2d if images else nn.Conv1d)(
                    shape[-1],
                    layer.filters,
                    layer.kernel_size,
                    layer.strides,
                    layer.border,
                    groups=layer.groups,
                    bias=layer.use_bias,
                ),
                arrays,
            )
        case description.TransposedConvolution():
            yield _filled(
                nn.ConvTranspose2d(
                    shape[-1], layer.filters, layer.size, layer.size, bias=layer.use_bias
                ),
                arrays,
            )
        case description.Dense():
            yield _filled(nn.Linear(shape[0], layer.units), arrays)
        case description.BatchNorm():
            kind = nn.BatchNorm2d if images else nn.BatchNorm1d
            yield _filled(kind(shape[-1], layer.epsilon, 1 - layer.momentum), arrays)
        case description.MaxPooling():
            pooling = nn.MaxPool2d if images else nn.MaxPool1d
            yield pooling(layer.size, layer.step, layer.border)
        case description.GlobalAverage():
            yield nn.AdaptiveAvgPool2d(1) if images else nn.AdaptiveAvgPool1d(1)
            yield nn.Flatten()
        case description.Flatten():
            yield nn.Flatten()
        case description.Subsampling():
            yield _Subsampling(layer.channels - shape[-1])
    if activation is not None:
        yield _ACTIVATIONS[activation]()


class _Subsampling(nn.Module):
    def __init__(self, more: int) -> None:
        super().__init__()
        self._more = more

    def forward(self, x: Tensor) -> Tensor:
        return functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 0, self._more))


def _filled(module: nn.Module, arrays: Weights) -> nn.Module:
    tensors = [*module.parameters(), *(b for b in module.buffers() if b.is_floating_point())]
    with torch.no_grad():
        for tensor, array in zip(tensors, arrays, strict=True):
            tensor.copy_(torch.from_numpy(array))
    return module


def _probabilities(network: Network) -> Callable[[Tensor], Tensor]:
    """Return what turns logits into probabilities, the channels of images last."""
    if network.classes == 1:
        return lambda logits: torch.sigmoid(logits).movedim(1, -1)
    return lambda logits: logits.softmax(1)


def _loss_function(network: Network) -> Callable[[Tensor, Tensor], Tensor]:
    """Return the loss as a function of logits and targets."""
    if network.loss == "sparse_categorical_crossentropy":
        return functional.cross_entropy
    if network.classes == 1:
        return functional.binary_cross_entropy_with_logits
    return lambda logits, y: functional.binary_cross_entropy(logits.softmax(1), y)
