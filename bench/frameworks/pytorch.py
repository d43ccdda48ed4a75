"""The networks in PyTorch: eager with either layout, and compiled."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from bench import networks
from bench.frameworks import Step
from bench.networks import Array, Network, Weights

_ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid}


class PyTorch:
    memory_format = torch.contiguous_format

    def __init__(self, threads: int) -> None:
        torch.set_num_threads(threads)
        torch.set_num_interop_threads(1)

    def version(self) -> str:
        return torch.__version__

    def training_step(self, network: Network, weights: list[Weights], x: Array, y: Array) -> Step:
        model = build_model(network, weights).to(memory_format=self.memory_format).train()
        images, targets = self._images(x), torch.from_numpy(y)
        loss_function = _loss_function(network)
        optimizer = torch.optim.Adam(
            model.parameters(),
            lr=networks.LEARNING_RATE,
            betas=(networks.BETA_1, networks.BETA_2),
            eps=networks.EPSILON,
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

    def _images(self, x: Array) -> Tensor:
        return torch.from_numpy(x).permute(0, 3, 1, 2).contiguous(memory_format=self.memory_format)

    def _optimized(self, function: Callable[[], Tensor]) -> Callable[[], Tensor]:
        return function


class PyTorchChannelsLast(PyTorch):
    memory_format = torch.channels_last


class PyTorchCompile(PyTorch):
    def _optimized(self, function: Callable[[], Tensor]) -> Callable[[], Tensor]:
        return torch.compile(function)


def build_model(network: Network, weights: list[Weights]) -> nn.Sequential:
    """Return the network up to its logits."""
    return nn.Sequential(*_modules(network, networks.channels_first(network, weights)))


def _modules(network: Network, weights: list[Weights]) -> Iterator[nn.Module]:
    last = network.layers[-1]
    for (layer, shape), arrays in zip(network.shaped_layers(), weights, strict=True):
        match layer:
            case networks.Convolution():
                yield _filled(
                    nn.Conv2d(shape[2], layer.filters, layer.kernel_size, padding=layer.border),
                    arrays,
                )
            case networks.Dense():
                yield _filled(nn.Linear(shape[0], layer.units), arrays)
            case networks.BatchNorm():
                kind = nn.BatchNorm2d if len(shape) == 3 else nn.BatchNorm1d
                yield _filled(kind(shape[-1], layer.epsilon, 1 - layer.momentum), arrays)
            case networks.MaxPooling():
                yield nn.MaxPool2d(layer.size)
            case networks.GlobalAverage():
                yield nn.AdaptiveAvgPool2d(1)
                yield nn.Flatten()
            case networks.Flatten():
                yield nn.Flatten()
        activation = getattr(layer, "activation", None)
        if activation is not None and layer is not last:
            yield _ACTIVATIONS[activation]()


def _filled(module: nn.Module, arrays: Weights) -> nn.Module:
    tensors = [*module.parameters(), *(b for b in module.buffers() if b.is_floating_point())]
    with torch.no_grad():
        for tensor, array in zip(tensors, arrays, strict=True):
            tensor.copy_(torch.from_numpy(array))
    return module


def _probabilities(network: Network) -> Callable[[Tensor], Tensor]:
    return torch.sigmoid if network.classes == 1 else lambda logits: logits.softmax(1)


def _loss_function(network: Network) -> Callable[[Tensor, Tensor], Tensor]:
    """Return the loss as a function of logits and targets."""
    if network.loss == "sparse_categorical_crossentropy":
        return functional.cross_entropy
    if network.classes == 1:
        return functional.binary_cross_entropy_with_logits
    return lambda logits, y: functional.binary_cross_entropy(logits.softmax(1), y)
