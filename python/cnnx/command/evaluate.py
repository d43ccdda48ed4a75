"""``cnnx evaluate``: a saved network judged on pictures whose classes are known."""

import argparse

from cnnx import config
from cnnx.command.arguments import Commands, add_threads
from cnnx.command.classifier import load_classifier, read_test
from cnnx.experiment import print_accuracy


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("evaluate", help="print a saved network's accuracy on pictures")
    parser.add_argument("model", help="file of the network")
    parser.add_argument(
        "dataset", help="folder with a folder of pictures for each class; or digits, or mnist"
    )
    parser.add_argument("--data", metavar="DIR", help="folder of MNIST's four files")
    add_threads(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Print confusion matrix and accuracy."""
    if options.threads is not None:
        config.set_num_threads(options.threads)
    model = load_classifier(options.model)
    print_accuracy(model, read_test(model, options.dataset, options.data))
