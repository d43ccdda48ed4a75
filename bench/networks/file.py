"""Networks in ONNX files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bench.networks.description import Shape

ENDING = ".onnx"


@dataclass(frozen=True)
class NetworkFile:
    """
    A network that somebody else wrote, with one input.

    Attributes
    ----------
    path
        Of the file.
    input_name
        In the file.
    sample_shape
        Of the input without the batch, in the file's order: (channels, height, width).
    """

    path: Path
    input_name: str
    sample_shape: Shape

    batch_size = 1
    """The number of samples for which it is timed unless another is asked for."""

    @property
    def name(self) -> str:
        """The file's name and the shape."""
        return f"{self.path.stem} {'x'.join(map(str, self.sample_shape))}"

    @classmethod
    def parse(cls, text: str) -> NetworkFile:
        """
        Return the network of "FILE.onnx", or of "FILE.onnx:3x640x640" where sizes are left open.

        Raises
        ------
        ValueError
            There is no such file, or sizes are left open and not said.
        """
        import onnx  # where a file is asked for

        name, _, sizes = text.partition(f"{ENDING}:")
        path = Path(text if not sizes else f"{name}{ENDING}")
        if not path.is_file():
            raise ValueError(f"{path}: no such file")
        graph = onnx.load(path, load_external_data=False).graph
        constants = {tensor.name for tensor in graph.initializer}
        inputs = [value for value in graph.input if value.name not in constants]
        if len(inputs) != 1:
            raise ValueError(f"{path} has {len(inputs)} inputs; networks of one are timed")
        extents = inputs[0].type.tensor_type.shape.dim[1:]
        shape = tuple(map(int, sizes.split("x"))) if sizes else tuple(d.dim_value for d in extents)
        if len(shape) != len(extents) or min(shape, default=1) < 1:
            found = "x".join(str(extent.dim_value or "?") for extent in extents)
            raise ValueError(f"the samples of {path} are {found}; write {path.name}:3x224x224")
        return cls(path, inputs[0].name, shape)
