"""``cnnx report``: one page that shows what a saved network does."""

import argparse
import base64
import html
import io
from typing import Any

import numpy as np

from cnnx import explain
from cnnx.arrays import Array, Float
from cnnx.command.arguments import Commands, add_test
from cnnx.command.classifier import load_classifier, read_test
from cnnx.drawing import plot_model
from cnnx.experiment import class_shares
from cnnx.files import replaceable, replacing
from cnnx.layers import Conv2D
from cnnx.metrics import confusion_matrix
from cnnx.models import Model

MISTAKES = 6
"""How many of the worst mistakes are shown."""

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 64rem; }}
body {{ padding: 0 1rem; }}
h2 {{ border-top: 1px solid #ccc; margin-top: 2rem; padding-top: 1rem; }}
img, svg {{ height: auto; max-width: 100%; }}
figure {{ margin: 1rem 0; }}
</style>
</head>
<body>
<h1>{title}</h1>
{body}
</body>
</html>
"""


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("report", help="show what a saved network does on one HTML page")
    add_test(parser)
    parser.add_argument(
        "-o", "--output", metavar="FILE", default="report.html", help="(default: %(default)s)"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Write the page."""
    output = replaceable(options.output)
    model = load_classifier(options.model)
    x, y = read_test(model, options)
    title = f"{model.name}: {len(model.class_names or ())} classes, {len(y):,} images"
    page = _PAGE.format(title=html.escape(title), body="\n".join(_sections(model, x, y)))
    with replacing(output) as file:
        file.write(page.encode())
    print(f"Saved {output}")


def _sections(model: Model, x: Array, y: Array) -> list[str]:
    """Return the parts of the page."""
    names = model.class_names or []
    shares = class_shares(model.predict(x, verbose=0))
    found = shares.argmax(axis=1)
    counts = confusion_matrix(y, found, num_classes=len(names))
    sections = [
        f"<p>Accuracy: {100 * counts.trace() / counts.sum():.2f} %</p>",
        "<h2>The network</h2>",
        f"<figure>{plot_model(model, to_file=None, show_layer_names=False)}</figure>",
        f"<p>{model.count_params():,} parameters</p>",
    ]
    if model.history is not None and model.history.history:
        sections += ["<h2>Training</h2>", _figure(model.history.plot(), "curves of training")]
    matrix = explain.plot_confusion_matrix(counts, names)
    sections += ["<h2>Confusion matrix</h2>", _figure(matrix, "confusion matrix")]
    sections += _mistakes(model, x, y, shares)
    for layer in model.leaves():
        if isinstance(layer, Conv2D):
            drawn = _figure(explain.plot_filters(layer), f"filters of {layer.name}")
            sections += [f"<h2>Filters of the first convolution, {html.escape(layer.name)}</h2>"]
            sections.append(drawn)
            break
    return sections


def _mistakes(model: Model, x: Array, y: Array, shares: Float) -> list[str]:
    """Return the images that the network is surest and wrong about, and what it looked at."""
    names = model.class_names or []
    found = shares.argmax(axis=1)
    wrong = np.flatnonzero(found != y)
    if not len(wrong):
        return ["<h2>Mistakes</h2>", "<p>None.</p>"]
    worst = wrong[np.argsort(-shares[wrong, found[wrong]], kind="stable")][:MISTAKES]
    sections = [
        f"<h2>The worst of {len(wrong):,} mistakes</h2>",
        "<p>The map shows what speaks for the class that the network predicted (Grad-CAM).</p>",
    ]
    single = model.output_shape[-1] == 1
    for index in worst:
        predicted, true = found[index], y[index]
        title = (
            f"predicted {names[predicted]} {100 * shares[index, predicted]:.0f} %, "
            f"true {names[true]}"
        )
        heat = explain.grad_cam(model, x[index], 0 if single else int(predicted))
        picture = x[index] / max(float(x[index].max()), 1.0)
        sections.append(_figure(explain.plot_map(picture, heat, title), title))
    return sections


def _figure(figure: Any, description: str) -> str:
    """Return a matplotlib figure as a picture within the page."""
    file = io.BytesIO()
    figure.savefig(file, dpi=110, bbox_inches="tight", format="png")
    data = base64.b64encode(file.getvalue()).decode("ascii")
    text = html.escape(description, quote=True)
    return f'<figure><img alt="{text}" src="data:image/png;base64,{data}"></figure>'
