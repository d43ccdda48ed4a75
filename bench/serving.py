"""Predictions over HTTP: cnnx and ONNX Runtime in the same server, and what ten processes hold."""

from __future__ import annotations

import argparse
import http.client
import io
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from PIL import Image

import cnnx
from bench.frameworks.cnnx import build_model
from bench.machine import describe_machine
from bench.networks import NETWORKS
from bench.options import command_line, number
from bench.report import print_heading, show_progress, write_json
from bench.resident import proportional_bytes
from bench.tables import format_number, format_range, format_table

ENGINES = ("cnnx", "onnxruntime")
SERVER = Path(__file__).parents[1] / "examples" / "serve.py"


def parse_options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = command_line("bench.serving", __doc__)
    parser.set_defaults(networks=["lenet5", "vgg_cifar"])
    add = parser.add_argument
    add("--clients", type=number, default=4, help="that wait for one answer each at a time")
    add("--requests", type=number, default=100, help="of each client in a turn")
    add("--rounds", type=number, default=5, help="turns of each engine")
    add("--workers", type=number, default=10, help="processes whose memory is looked at")
    return parser.parse_args(arguments)


def main() -> None:
    """Measure, and report."""
    options = parse_options()
    machine = describe_machine()
    print_heading(machine, {"cnnx": cnnx.__version__})
    rows = [["network", "engine", "p50 ms", "p99 ms", "answers a second"]]
    memory = [["network", "weights", "one process", f"{options.workers} processes"]]
    figures = []
    with tempfile.TemporaryDirectory() as folder:
        for name in options.networks:
            show_progress(f"{name} ...")
            model = _save(name, Path(folder))
            content = _picture(model.input_shape[1:])
            found = _latencies(Path(folder), name, content, options)
            for engine, (middle, last, rate) in found.items():
                rows.append([name, engine, *map(format_range, (middle, last, rate))])
                figures.append(
                    {"network": name, "engine": engine, "p50": middle, "p99": last, "rate": rate}
                )
            sizes = [_memory(Path(folder), name, content, count) for count in (1, options.workers)]
            weights = 4 * model.count_params()
            figures.append({"network": name, "bytes": sizes, "weights": weights})
            memory.append([name, *(format_number(size / 2**20) for size in (weights, *sizes))])
    show_progress("")
    print(f"\n{options.clients} clients, batch 1, median (lowest-highest) over turns")
    print(format_table(rows))
    print("\nMiB in all, each page that several processes share counted once")
    print(format_table(memory))
    write_json(options.json, machine, {"cnnx": cnnx.__version__}, figures=figures)


def _save(name: str, folder: Path) -> cnnx.Model:
    network = NETWORKS[name]
    model = build_model(network, network.weights(np.random.default_rng(0)))
    model.save(folder / f"{name}.safetensors")
    cnnx.onnx.save(model, folder / f"{name}.onnx")
    return model


def _picture(shape: tuple[int, ...]) -> bytes:
    """Return a picture file of noise."""
    noise = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise[..., 0] if shape[-1] == 1 else noise).save(file, "png")
    return file.getvalue()


@contextmanager
def _server(folder: Path, name: str, *more: str) -> Iterator[tuple[int, int]]:
    """Run a server; yield its process and its port."""
    command = [sys.executable, str(SERVER), str(folder / f"{name}.safetensors"), "--port", "0"]
    with subprocess.Popen([*command, *more], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            address = process.stdout.readline()
            if not address:
                raise SystemExit("the server did not start; its message stands above")
            yield process.pid, int(address.rpartition(":")[2].partition("/")[0])
        finally:
            process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()


def _latencies(
    folder: Path, name: str, content: bytes, options: argparse.Namespace
) -> dict[str, tuple[list[float], list[float], list[float]]]:
    """Return the turns' p50 and p99 in milliseconds and answers a second, of each engine."""
    found: dict[str, tuple[list[float], list[float], list[float]]] = {
        engine: ([], [], []) for engine in ENGINES
    }
    with _server(folder, name, "--onnx", str(folder / f"{name}.onnx")) as (_, port):
        for turn in range(-1, options.rounds):
            for engine, (middle, last, rate) in found.items():
                started = time.perf_counter()
                times = _ask(port, engine, content, options.clients, options.requests)
                seconds = time.perf_counter() - started
                if turn >= 0:  # the first is for warming up
                    middle.append(1e3 * float(np.percentile(times, 50)))
                    last.append(1e3 * float(np.percentile(times, 99)))
                    rate.append(len(times) / seconds)
    return found


def _ask(port: int, engine: str, content: bytes, clients: int, requests: int) -> list[float]:
    """Return the seconds from each question to its answer."""
    times: list[float] = []

    def client() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        for _ in range(requests):
            started = time.perf_counter()
            connection.request("POST", f"/{engine}/predict", content, {"Content-Type": "image/png"})
            answer = connection.getresponse()
            body = answer.read()
            times.append(time.perf_counter() - started)
            if answer.status != 200:
                raise RuntimeError(f"{engine}: {answer.status} {body[:200]!r}")
        connection.close()

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(times) < clients * requests:
        raise SystemExit(f"{engine}: some clients got no answer")
    return times


def _memory(folder: Path, name: str, content: bytes, workers: int) -> int:
    """Return the bytes that a server of so many processes holds after some answers."""
    with _server(folder, name, "--workers", str(workers)) as (pid, port):
        _ask(port, "cnnx", content, 4 * workers, 5)
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return sum(proportional_bytes(int(process)) for process in (pid, *children))


if __name__ == "__main__":
    main()
