"""
Measures the figures of the documents again, and rewrites their tables.

Run: python docs/figures.py [NAME ...] [--data DIR] [--keep DIR]

NAME is one of
    packages   sizes and import times of cnnx and others: fetches gigabytes
    accuracy   what the examples reach on digits and MNIST: a minute
    momentum   how batch normalisation's momentum changes the accuracy: a few minutes
    extras     what the extras of cnnx download
    speed      cnnx beside other frameworks: half an hour on an idle machine
By default packages, accuracy and momentum. A table stands between the comments
`<!-- figures: NAME -->` and `<!-- end of NAME -->`. Let nothing else run meanwhile.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TORCH = ("torch", "--extra-index-url", "https://download.pytorch.org/whl/cpu")
PACKAGES = {
    "cnnx": ("cnnx", (".",)),
    "JAX, jaxlib": ("jax", ("jaxlib", "jax")),
    "PyTorch, CPU": ("torch", TORCH),
    "TensorFlow, CPU": ("tensorflow", ("tensorflow-cpu",)),
}
"""What to import, and what to ask pip for."""
SPEED = {
    "iq": "one 3x3 filter on 32x32, dense",
    "lenet5": "",
    "catdog": "conv 32, 64, 128 on 100x100, dense",
    "resnet20": "on 32x32",
    "resnet50": "on 224x224, batch 4",
    "mobilenetv2": "on 224x224, batch 8",
    "unet": "16 to 256 channels, on 128x128, batch 8",
}


def table(*rows: Iterable[object]) -> str:
    """Return Markdown of a heading and rows."""
    heading, *others = ([str(cell) for cell in row] for row in rows)
    lines = [heading, ["---"] * len(heading), *others]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def call(*arguments: object, **options: object) -> str:
    """Run a program in the repository and return its output."""
    print("$", *arguments, flush=True)
    found = subprocess.run(
        list(map(str, arguments)),
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        **options,
    )
    return found.stdout


def python(*arguments: object) -> str:
    """Run this interpreter."""
    return call(sys.executable, *arguments)


def megabytes(size: float) -> str:
    """Return a size in three digits at most."""
    size /= 1e6
    return f"{size:.1f} MB" if size < 10 else f"{size:,.0f} MB"


def size_of(folder: Path) -> int:
    """Return the bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def import_seconds(folder: Path, module: str) -> float:
    """
    Return the median CPU time of an import in a new process, beyond that of the interpreter.

    CPU time says nearly the same on a machine that is busy with something else.
    """

    def seconds(code: str) -> float:
        before = os.times()
        environment = os.environ | {"PYTHONPATH": str(folder)}
        subprocess.run(
            [sys.executable, "-S", "-c", code], env=environment, check=True, stderr=subprocess.PIPE
        )
        after = os.times()
        return sum(after[2:4]) - sum(before[2:4])  # of the processes that it waited for

    seconds(f"import {module}")  # so that the files are in memory
    runs = [seconds(f"import {module}") - seconds("pass") for _ in range(3)]
    return statistics.median(runs)


def packages(options: argparse.Namespace) -> str:
    """Return the sizes and import times of cnnx and others."""
    rows = [("", "wheel", "installed, with what it needs", "import, CPU time")]
    for name, (module, wanted) in PACKAGES.items():
        folder = options.keep / module
        wheels, installed = folder / "wheels", folder / "installed"
        if not installed.exists():
            pip = ("-m", "pip", "--quiet")
            command = ("wheel", "--wheel-dir") if wanted == (".",) else ("download", "--dest")
            python(*pip, *command, wheels, "--no-deps", *wanted)
            python(*pip, "install", "--no-compile", "--target", installed, *wanted)
        seconds = import_seconds(installed, module)
        sizes = megabytes(size_of(wheels)), megabytes(size_of(installed))
        rows.append((name, *sizes, f"{seconds:.2f} s"))
    return table(*rows)


def accuracy(options: argparse.Namespace) -> str:
    """Return what the examples reach."""
    data = () if options.data is None else ("--data", options.data)

    def run(*arguments: object) -> tuple[float, float]:
        output = python(*arguments)
        figures = r"Test accuracy: +([\d.]+) %.*?Training time: +([\d.]+) s"
        found = re.search(figures, output, re.DOTALL)
        return float(found[1]), float(found[2])

    scratch = options.keep / "model.safetensors"
    paper = ("examples/numpy_cnn_mnist.py", *data, "--model", scratch)
    seeds = [run(*paper, "--seed", seed) for seed in range(8)]
    first = f"{seeds[0][0]:.1f} % (seeds 0 to 7: {min(seeds)[0]:.1f} to {max(seeds)[0]:.1f})"

    def row(what: str, command: str, found: tuple[float, float], text: str = "") -> list[str]:
        return [what, f"`python {command}`", text or f"{found[0]:.1f} %", f"{found[1]:.0f} s"]

    train = ("-m", "cnnx", "train")
    rows = [
        ["what", "command", "test accuracy", "training time"],
        row("digits", "-m cnnx train digits", run(*train, "digits", "--output", scratch)),
        row(
            "MNIST, 3 epochs",
            "-m cnnx train mnist",
            run(*train, "mnist", *data, "--output", scratch),
        ),
        row(
            "two convolutions, 2 epochs, rate .01",
            "examples/numpy_cnn_mnist.py",
            seeds[0],
            first,
        ),
        row(
            "the same, rate .001",
            "examples/numpy_cnn_mnist.py --learning-rate .001",
            run(*paper, "--learning-rate", ".001"),
        ),
        row(
            "global average pooling, 2 epochs",
            "examples/gap_mnist.py",
            run("examples/gap_mnist.py", *data),
        ),
    ]
    return table(*rows)


def momentum(options: argparse.Namespace) -> str:
    """Return the accuracy of one training judged with averages of different momentum."""
    data = () if options.data is None else ("--data", options.data)
    momenta = (".5", ".8", ".9", ".95", ".98", ".99", ".995")
    rows = [["initial weights, seed", *momenta]]
    for initializer, seed in (*(("he_uniform", seed) for seed in range(4)), ("glorot_uniform", 1)):
        row = [f"`{initializer}`, {seed}"]
        for share in momenta:
            given = ("--momentum", share, "--initializer", initializer, "--seed", seed)
            output = python("examples/gap_mnist.py", *data, *given)
            row.append(re.search(r"Test accuracy: +([\d.]+) %", output)[1])
        rows.append(row)
    return table(*rows)


def extras(options: argparse.Namespace) -> str:
    """Return the download of each extra, without NumPy."""
    with open(ROOT / "pyproject.toml", "rb") as file:
        wanted = tomllib.load(file)["project"]["optional-dependencies"]
    rows = [["extra", "brings", "download"]]
    for name in ("images", "jpeg", "mpi", "onnx", "plot", "sklearn", "tensorboard", "torch"):
        folder = options.keep / "extras" / name
        if not folder.exists():
            more = TORCH[1:] if name == "torch" else ()
            python("-m", "pip", "--quiet", "download", "--dest", folder, *wanted[name], *more)
        wheels = [path for path in folder.iterdir() if not path.name.startswith("numpy-")]
        largest = sorted(wheels, key=lambda path: -path.stat().st_size)[:3]
        brings = ", ".join(path.name.partition("-")[0] for path in largest)
        rows.append([f"`{name}`", brings, megabytes(sum(path.stat().st_size for path in wheels))])
    return table(*rows)


def speed(options: argparse.Namespace) -> str:
    """Return the times of cnnx, and how many times slower the fastest other framework is."""
    report = options.keep / "peers.json"
    if not report.exists():
        peers = "pytorch,pytorch-channels-last,onnxruntime,openvino"
        chosen = ("--networks", "chains,graphs", "--peers", peers, "--rounds", 7)
        python("-m", "bench.peers", *chosen, "--json", report)
    python("-m", "bench.picture", report, ROOT / "docs" / "pictures" / "peers.png")
    found = json.loads(report.read_text())["comparisons"]
    rows = [["network", "training", "PyTorch", "inference", "ONNX Runtime or OpenVINO"]]
    for name, what in SPEED.items():
        row = [f"`{name}`{': ' if what else ''}{what}"]
        for mode in ("training", "inference"):
            record = next(item for item in found if (item["network"], item["mode"]) == (name, mode))
            ours = 1e3 * statistics.median(record["seconds"]["cnnx"])
            slower = statistics.median(record["ratios"][record["best_peer"]])
            row += [f"{ours:#.3g} ms".replace(". ", " "), f"{slower:#.3g} x".replace(". ", " ")]
        rows.append(row)
    return table(*rows)


MEASURES: dict[str, Callable[[argparse.Namespace], str]] = {
    "packages": packages,
    "accuracy": accuracy,
    "momentum": momentum,
    "extras": extras,
    "speed": speed,
}


def replaced(text: str, name: str, measured: str) -> str:
    """Return a document with another table between the comments of a name."""
    begin, end = f"<!-- figures: {name} -->", f"<!-- end of {name} -->"
    between = re.compile(f"{re.escape(begin)}\n.*?{re.escape(end)}", re.DOTALL)
    return between.sub(lambda _: f"{begin}\n\n{measured}\n\n{end}", text)


def main() -> None:
    """Measure, and rewrite the documents."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="what to measure")
    parser.add_argument("--data", type=Path, help="folder of MNIST's four files")
    parser.add_argument("--keep", type=Path, help="folder for what is fetched, to be used again")
    options = parser.parse_args()
    unknown = set(options.names) - set(MEASURES)
    if unknown:
        parser.error(f"{', '.join(sorted(unknown))}: choose from {', '.join(MEASURES)}")
    with tempfile.TemporaryDirectory() as scratch:
        options.keep = (options.keep or Path(scratch)).resolve()
        options.keep.mkdir(parents=True, exist_ok=True)
        for name in options.names or ("packages", "accuracy", "momentum"):
            measured = MEASURES[name](options)
            print(measured, flush=True)
            for document in DOCUMENTS:
                text = document.read_text("utf-8")
                document.write_text(replaced(text, name, measured), "utf-8")


if __name__ == "__main__":
    main()
