"""``cnnx export``: a saved network as an ONNX file."""

import argparse

import cnnx
from cnnx.command.arguments import Commands, add_model
from cnnx.models import load_model


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("export", help="write a saved network as an ONNX file")
    add_model(parser)
    parser.add_argument("output", help="ONNX file to write")
    parser.add_argument(
        "--channels-first",
        action="store_true",
        help="images are (batch, channels, height, width), as in PyTorch",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Write the file."""
    order = "channels_first" if options.channels_first else "channels_last"
    cnnx.onnx.save(load_model(options.model), options.output, data_format=order)
    print(f"Saved {options.output}")
