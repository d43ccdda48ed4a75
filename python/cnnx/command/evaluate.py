"""``cnnx evaluate``: a saved network judged on pictures whose classes are known."""

import argparse

from cnnx.command.arguments import Commands, add_test
from cnnx.command.classifier import load_classifier, read_test
from cnnx.experiment import print_accuracy


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("evaluate", help="print a saved network's accuracy on pictures")
    add_test(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Print confusion matrix and accuracy."""
    model = load_classifier(options.model)
    print_accuracy(model, read_test(model, options))
