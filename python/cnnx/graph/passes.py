"""Operations made of several layers that run in one pass over memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cnnx import _core, activations
from cnnx.arrays import Float, Shape, images
from cnnx.layers.call import Call, Traits
from cnnx.layers.convolution_layer import GroupedConvolution, Windows
from cnnx.layers.layer import Layer
from cnnx.layers.linear import LinearLayer
from cnnx.layers.merging import Add
from cnnx.layers.normalization import BatchNormalization
from cnnx.layers.pooling import MaxPooling1D, MaxPooling2D
from cnnx.layers.transposed import Transposed
from cnnx.layers.weight import Weight


class Pass:
    """
    Layers that run together; a plan runs it like a layer.

    A max pooling of 2x2 pixels, or 2 steps, at its end comes before the activation. It gives the
    same after an increasing function, and a quarter or half of the values is left.

    Parameters
    ----------
    layers
        First to last.

    Attributes
    ----------
    traits
        As of a layer.
    activation, core
        The one that the layers apply, linear if none does; and what the core knows it by.
    pools
        Whether a max pooling is among them.
    adds
        Whether an `Add` is among them: the pass reads its other term, the addend, as second input.
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.traits = Traits()
        self.layers = list(layers)
        functions = [getattr(layer, "activation", activations.linear) for layer in layers]
        applied = [function for function in functions if function is not activations.linear]
        self.activation = applied[0] if applied else activations.linear
        assert self.activation.core is not None
        self.core = self.activation.core
        self.pools = isinstance(layers[-1], (MaxPooling1D, MaxPooling2D))
        self.adds = any(isinstance(layer, Add) for layer in layers)

    @property
    def weights(self) -> list[Weight]:
        """The weights of all layers."""
        return [weight for layer in self.layers for weight in layer.weights]

    @property
    def trainable_weights(self) -> list[Weight]:
        """The weights that training changes."""
        return [weight for layer in self.layers for weight in layer.trainable_weights]

    def bind(self, call: Call) -> None:
        """Work out what the shapes of a call decide."""
        self.layers[0].bind(call)
        call.codes = None  # which pixel of its window each pooled value was
        if self.pools and call.differentiates:
            call.codes = call.keep("codes", call.y.shape[1:], np.uint8)

    def forward(self, call: Call, *xs: Float) -> None:
        """Write the output to `call.y`."""
        raise NotImplementedError(f"{type(self).__name__} must implement forward")

    def backward(self, call: Call, dy: Float) -> None:
        """Write the gradients of weights and inputs. May overwrite `dy`."""
        raise NotImplementedError(f"{type(self).__name__} must implement backward")

    def differentiate_activation(self, call: Call, dy: Float) -> None:
        """Make `dy` the gradient of what the activation takes, if `traits` ask for it."""
        self.activation.backward(call.y, dy, dy)

    def recompute(self, call: Call) -> None:
        """Write the output to `call.y` once more, if `traits` say that this can be done."""
        raise NotImplementedError(f"{type(self).__name__} must implement recompute")

    def addend(self, xs: Sequence[Float]) -> Float | None:
        """Return what is added before the activation; None if nothing is."""
        return xs[1] if self.adds else None

    def give_addend(self, call: Call, dz: Float) -> None:
        """Give the addend the gradient of the sum, unless it lies in the same memory."""
        if self.adds and call.dx[1] is not None and not np.may_share_memory(call.dx[1], dz):
            _core.linear_forward(dz, call.dx[1])

    def __str__(self) -> str:
        return " + ".join(map(str, self.layers))


class ConvolutionPass(Pass):
    """
    A convolution, a sum with an addend or a max pooling, and an activation.

    The output before pooling, and its gradient, are never stored. In use a batch normalisation may
    follow the convolution. It is folded into kernel and bias: with
    s = gamma / sqrt(variance + epsilon), they become s kernel and s (bias - mean) + beta.
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        super().__init__(layers)
        convolution = layers[0]
        assert isinstance(convolution, GroupedConvolution)
        self.convolution = convolution
        self._normalization = next(
            (layer for layer in layers if isinstance(layer, BatchNormalization)), None
        )
        self._masked = self.pools and self.activation is activations.relu
        """Whether the codes of the pooling know where ReLU gave 0."""
        self.traits = Traits(
            reads_inputs=bool(convolution.trainable_weights),
            reads_output=False,
            activates=self.activation is not activations.linear and not self._masked,
            gradient_in_place=self.adds,
            gradient_over_input=True,
            adds_last=self.adds,
            adds_gradient=True,
            native=True,
        )
        self._version: object = None
        self._prepared: tuple[Float, Float | None, _core.PreparedWeights]

    def bind(self, call: Call) -> None:
        """Place the windows."""
        super().bind(call)
        call.pooled_from = call.output_size if self.pools else None

    def forward(self, call: Call, *xs: Float) -> None:
        """Write activation(convolution + addend), or activation(pooling(convolution))."""
        addend = self.addend(xs)
        if call.training:
            kernel, bias = self._weights()
            prepared = None
        else:
            kernel, bias, prepared = self.prepared_weights()
        windows: Windows = call.windows
        _core.conv2d_forward(
            images(xs[0]),
            kernel,
            bias,
            images(call.y),
            *windows,
            self.core,
            None if call.codes is None else images(call.codes),
            call.pooled_from,
            prepared,
            None if addend is None else images(addend),
        )

    def _weights(self) -> tuple[Float, Float | None]:
        """Return the convolution's kernel, as the core takes it, and its bias."""
        convolution = self.convolution
        return convolution.taps(convolution.kernel.value), convolution.bias_value

    def prepared_weights(self) -> tuple[Float, Float | None, _core.PreparedWeights]:
        """Return kernel, bias, and what the core makes of them, in their scale in use."""
        version = (
            sum(weight.version for weight in self.weights),
            getattr(self._normalization, "epsilon", None),
        )
        if version != self._version:
            kernel, bias = self._weights()
            scale = None
            if self._normalization is not None:
                scale, shift = self._normalization.affine()
                bias = shift if bias is None else shift + scale * bias
            self._prepared = kernel, bias, _core.PreparedWeights(scale)
            self._version = version
        return self._prepared

    def backward(self, call: Call, dy: Float) -> None:
        """Write the convolution's gradients."""
        self.give_addend(call, dy)
        codes = None if call.codes is None else images(call.codes)
        self.convolution.differentiate(call, dy, codes, call.pooled_from)


class ConvolutionChain(Pass):
    """
    Convolutions in use, each of what the one before it computes, band by band.

    Nothing between them is stored as a whole.

    Parameters
    ----------
    passes
        First to last. Only the last one may have an addend; none pools.
    """

    def __init__(self, passes: Sequence[ConvolutionPass]) -> None:
        super().__init__([layer for item in passes for layer in item.layers])
        self.passes = list(passes)
        self.traits = Traits(adds_last=self.adds, native=True)

    def bind(self, call: Call) -> None:
        """Place the windows of each."""
        shape: Shape = (None, *call.shapes[0])
        call.links = []
        for item in self.passes:
            layer = item.convolution
            call.links.append((layer.place(shape).output_size, *layer.windows(shape)))
            shape = layer.compute_output_shape(shape)

    def forward(self, call: Call, *xs: Float) -> None:
        """Write the last one's output."""
        links = []
        for item, windows in zip(self.passes, call.links, strict=True):
            kernel, bias, prepared = item.prepared_weights()
            links.append((kernel, bias, *windows, item.core, prepared))
        addend = self.addend(xs)
        _core.conv2d_chain_forward(
            images(xs[0]), links, images(call.y), None if addend is None else images(addend)
        )


class TransposedPass(Pass):
    """A transposed convolution, a sum with an addend, and an activation."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        super().__init__(layers)
        layer = layers[0]
        assert isinstance(layer, Transposed)
        self._layer = layer
        self.traits = Traits(
            reads_inputs=bool(layer.trainable_weights),
            reads_output=False,
            activates=self.activation is not activations.linear,
            gradient_in_place=self.adds,
            gradient_over_input=True,
            adds_last=self.adds,
            adds_gradient=True,
            native=True,
        )

    def forward(self, call: Call, *xs: Float) -> None:
        """Write activation(transposed convolution + addend)."""
        self._layer.transpose(call, xs[0], self.core, self.addend(xs))

    def backward(self, call: Call, dy: Float) -> None:
        """Write the transposed convolution's gradients."""
        self.give_addend(call, dy)
        self._layer.net_input_backward(call, dy)


class NormalizationPass(Pass):
    """
    A batch normalisation, a sum with an addend or a 2x2 max pooling, and an activation.

    The normalised batch is never stored, nor is its gradient: with an addend, where `dy` lies comes
    that of the sum, which is the addend's.
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        super().__init__(layers)
        normalization = layers[0]
        assert isinstance(normalization, BatchNormalization)
        self._normalization = normalization
        self.traits = Traits(
            reads_output=self.adds,
            gradient_in_place=not self.pools,
            gradient_over_input=self.pools or self.adds,
            adds_last=self.adds,
            recomputes=not self.pools,
            native=True,
        )

    def forward(self, call: Call, *xs: Float) -> None:
        """Write activation(normalised batch + addend), or activation(pooling(normalised batch))."""
        self._normalization.normalize(
            call, xs[0], self.core, self.pools, call.codes, self.addend(xs)
        )

    def recompute(self, call: Call) -> None:
        """Write the output once more, with the statistics of the forward pass."""
        self._normalization.renormalize(call, self.core, self.addend(call.xs))

    def backward(self, call: Call, dy: Float) -> None:
        """Write the normalisation's gradients."""
        added = (call.y, call.dx[1]) if self.adds else ()
        self._normalization.differentiate(call, dy, self.core, call.codes, *added)


def is_ours(layer: Layer) -> bool:
    """Return whether no user has changed the class of a layer: what it inherits holds for it."""
    return type(layer).__module__.startswith("cnnx.")


class NetInput(Layer):
    """
    A layer without its activation, where a loss or an explanation takes the net input.

    Parameters
    ----------
    layer
        Has an activation of its own; built.
    """

    def __init__(self, layer: LinearLayer) -> None:
        super().__init__(name=layer.name, trainable=layer.trainable)
        self._layer = layer
        self._weights = layer.weights
        self.built = True

    @property
    def traits(self) -> Traits:
        """Backwards, the output is not needed."""
        return Traits(
            reads_inputs=bool(self.trainable_weights),
            reads_output=False,
            native=is_ours(self._layer),
        )

    def accepts(self, *input_shapes: Shape) -> bool:
        """Return whether the layer does."""
        return self._layer.accepts(*input_shapes)

    def compute_output_shape(self, *input_shapes: Shape) -> Shape:
        """Return the layer's."""
        return self._layer.compute_output_shape(*input_shapes)

    def bind(self, call: Call) -> None:
        """Do what the layer does."""
        self._layer.bind(call)

    def forward(self, call: Call, *xs: Float) -> None:
        """Write the net input."""
        self._layer.net_input(call, xs[0])

    def backward(self, call: Call, dy: Float) -> None:
        """Write the gradients, from that of the net input."""
        self._layer.net_input_backward(call, dy)
