"""``cnnx predict``: what a saved network takes pictures for."""

import argparse
import json
from pathlib import Path

from cnnx.command.arguments import Commands, add_model, add_threads
from cnnx.command.classifier import load_classifier, read_pictures
from cnnx.experiment import class_shares


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("predict", help="name the class of pictures")
    add_model(parser)
    parser.add_argument("pictures", nargs="+", type=Path, help="files, or folders of files")
    parser.add_argument("--json", action="store_true", help="print all classes' shares as JSON")
    add_threads(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Print a line for each picture."""
    model = load_classifier(options.model)
    names = model.class_names or []
    width = max(map(len, names))
    found = []
    for files, pixels in (part for path in options.pictures for part in read_pictures(model, path)):
        shares = class_shares(model.predict(pixels, verbose=0))
        for file, row in zip(files, shares, strict=True):
            best = int(row.argmax())
            if options.json:
                by_name = dict(zip(names, map(float, row), strict=True))
                found.append({"file": str(file), "class": names[best], "shares": by_name})
            else:
                print(f"{names[best]:{width}}  {100 * row[best]:5.1f} %  {file}")
    if options.json:
        print(json.dumps(found, indent=2))
