"""``cnnx summary``: the layers of a saved network."""

import argparse

from cnnx.command.arguments import Commands, add_model
from cnnx.models import load_model


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("summary", help="print the layers of a saved network")
    add_model(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Print the layers."""
    model = load_model(options.model)
    model.summary(expand_nested=True)
    if model.class_names:
        print("Classes:", ", ".join(model.class_names))
