"""Which array of a Keras file is which weight of a model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from cnnx.arrays import Float
from cnnx.keras_files.fixed import Fixed
from cnnx.keras_files.hdf5 import Node
from cnnx.layers.weight import Weight
from cnnx.registry import snake_case

Pair = tuple[Weight, Node]


@dataclass
class Slot:
    """
    A layer of a model as Keras counts them.

    Attributes
    ----------
    class_name
        In Keras.
    layer
        Of ours; a model if there are slots within.
    within
        Those of a model used as a layer; None for a layer.
    fixed
        What its weights are made of, if they are not those of the file.
    """

    class_name: str
    layer: Any
    within: list[Slot] | None = None
    fixed: Fixed | None = None

    @property
    def weights(self) -> list[Weight]:
        """The weights of a layer that are read from the file, or made of what is."""
        known = self.fixed is not None and self.fixed.known
        return [] if known else list(self.layer.weights)

    def leaves(self) -> Iterator[Slot]:
        """Yield the layers, each as often as it is there."""
        if self.within is None:
            yield self
        for slot in self.within or ():
            yield from slot.leaves()


class Matching:
    """
    Finds the arrays of weights.

    Parameters
    ----------
    file
        The outermost group of an HDF5 file.
    slots
        The layers of the model.
    by_name
        Whether layers take the weights of the layer of their name, and others keep theirs.
    skip_mismatch
        Whether layers keep their weights where those of the file don't fit.

    Attributes
    ----------
    pairs
        What was found.
    fixed
        Layers whose weights are made of arrays, and these.
    skipped
        Why weights were left as they are.
    """

    def __init__(
        self, file: Node, slots: Sequence[Slot], by_name: bool = False, skip_mismatch: bool = False
    ) -> None:
        self.pairs: list[Pair] = []
        self.fixed: list[tuple[Slot, Sequence[Node]]] = []
        self.skipped: list[str] = []
        self._skip = skip_mismatch
        self._seen: set[Any] = set()
        group = file.find("model_weights") or file
        names = group.split_texts("layer_names")
        layers = file.find("layers") or file.find("_layer_checkpoint_dependencies")
        if names is not None:
            self._from_groups(group, names, slots, by_name)
        elif layers is not None:
            if by_name:
                self._from_named_variables(layers, slots)
            else:
                self._from_variables(layers, slots)
        else:
            raise ValueError("it holds no weights that Keras saved")

    def read(self) -> list[tuple[Weight, Float]]:
        """Return the weights that were found, and their values."""
        found = [(weight, array.array()) for weight, array in self.pairs]
        for slot, arrays in self.fixed:
            assert slot.fixed is not None
            values = slot.fixed.made([array.array() for array in arrays])
            found += [
                (weight, values[weight.name].reshape(weight.shape)) for weight in slot.weights
            ]
        return found

    # Keras 3: layers/conv2d_1/vars/0, counted by class.

    def _from_variables(self, group: Node, slots: Sequence[Slot]) -> None:
        counts: dict[str, int] = {}
        for slot in slots:
            name = snake_case(slot.class_name)
            count = counts[name] = counts.get(name, -1) + 1
            self._take_variables(group, f"{name}_{count}" if count else name, slot)

    def _from_named_variables(self, group: Node, slots: Sequence[Slot]) -> None:
        found: dict[str, str] = {}
        for key in group.names():
            variables = group.child(key).find("vars")
            name = None if variables is None else variables.text("name")
            if name is not None:
                found[name] = key
        for slot in slots:
            if slot.layer.name in found:
                self._take_variables(group, found[slot.layer.name], slot)

    def _take_variables(self, group: Node, key: str, slot: Slot) -> None:
        if slot.within is not None:
            layers = group.find(f"{key}/layers") or group.find(
                f"{key}/_layer_checkpoint_dependencies"
            )
            if layers is not None:
                self._from_variables(layers, slot.within)
            elif any(leaf.weights for leaf in slot.leaves()):
                self._refuse(f"it has no {group.path}/{key}/layers for {slot.layer}")
            return
        if slot.layer in self._seen:
            return
        self._seen.add(slot.layer)
        weights = slot.weights
        variables = group.find(f"{key}/vars")
        if variables is None:
            if weights and slot.fixed is None:
                self._refuse(f"it has no {group.path}/{key} for {slot.layer}")
            return
        arrays = _numbered(variables)
        within = group.find(f"{key}/layer/vars")
        if within is not None:  # its first array, the kernel, is among those of the layer around it
            arrays += _numbered(within)[1:]
        self._pair(slot, weights, arrays)

    # Keras 2, and .h5 of Keras 3: a group for each layer, which lists the names of its weights.

    def _from_groups(
        self, group: Node, names: Sequence[str], slots: Sequence[Slot], by_name: bool
    ) -> None:
        stored = {name: _listed(group, name) for name in names}
        weighted = [
            slot
            for slot in slots
            if any(leaf.weights for leaf in slot.leaves())
            and (slot.fixed is None or stored.get(slot.layer.name))
        ]
        if by_name:
            chosen = [(slot, slot.layer.name) for slot in weighted if slot.layer.name in stored]
        else:
            filled = [name for name in names if stored[name]]
            if len(filled) != len(weighted):
                raise ValueError(
                    f"it has weights for {len(filled)} layers, but the model has {len(weighted)} "
                    "layers with weights"
                )
            chosen = list(zip(weighted, filled, strict=True))
        for slot, name in chosen:
            self._pair(slot, _in_legacy_order(slot), stored[name])

    # Both.

    def _pair(self, slot: Slot, weights: Sequence[Weight], arrays: Sequence[Node]) -> None:
        if slot.fixed is not None and weights:
            size = (weights[0].size,)
            if not arrays:  # its numbers were given in Keras
                return
            if [array.shape for array in arrays[:2]] != [size, size]:
                self._refuse(f"it has no mean and variance of shape {size} for {slot.layer}")
            else:
                self.fixed.append((slot, arrays[:2]))
            return
        if slot.class_name == "Normalization" and len(arrays) == len(weights) + 1:
            arrays = arrays[:-1]  # Keras also counts the samples
        if len(weights) != len(arrays):
            self._refuse(f"it has {len(arrays)} weights for {slot.layer}, which has {len(weights)}")
            return
        for weight, array in zip(weights, arrays, strict=True):
            if array.shape != weight.shape:
                self._refuse(
                    f"{array.path} has shape {array.shape}, but {weight.path} has {weight.shape}"
                )
            else:
                self.pairs.append((weight, array))

    def _refuse(self, reason: str) -> None:
        if not self._skip:
            raise ValueError(reason)
        self.skipped.append(reason)


def _numbered(variables: Node) -> list[Node]:
    """Return the arrays of a group that counts them."""
    return [variables.child(str(number)) for number in range(len(variables.names()))]


def _listed(group: Node, name: str) -> list[Node]:
    """Return the arrays of a layer's group, in the order of its list."""
    node = group
    for part in name.split("/"):
        node = node.child(part)
    found = []
    for path in node.split_texts("weight_names") or ():
        array = node
        for part in path.split("/"):
            array = array.child(part)
        found.append(array)
    return found


def _in_legacy_order(slot: Slot) -> list[Weight]:
    """Return the weights of a layer: those that are trained come first."""
    found: dict[Weight, bool] = {}
    for leaf in slot.leaves():
        for weight in leaf.weights:
            found[weight] = weight.learnable and leaf.layer.trainable
    return sorted(found, key=lambda weight: not found[weight])
