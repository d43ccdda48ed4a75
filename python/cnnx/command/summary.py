"""``cnnx summary``: the layers of a saved network."""

import argparse

from cnnx.command.arguments import Commands
from cnnx.models import load_model


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("summary", help="print the layers of a saved network")
    parser.add_argument("model", help="file of the network")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Print the layers."""
    model = load_model(options.model)
    model.summary(expand_nested=True)
    if model.class_names:
        print("Classes:", ", ".join(model.class_names))
