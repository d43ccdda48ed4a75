"""The benchmarks: networks, options, and processes that take turns. No peer is needed."""

import importlib
import math
import statistics

import numpy as np
import pytest

from agreement import assert_close
from bench import (
    callers,
    comparison,
    memory,
    neighbours,
    numpy_loops,
    options,
    peers,
    scaling,
    tables,
)
from bench.frameworks import FRAMEWORKS, OURS, PEERS, PLAIN
from bench.frameworks.cnnx import build_model
from bench.networks import NETWORKS, Convolution, Dense, Flatten, Network, channels_first
from bench.plain.network import gradients
from bench.tasks import CallersTask, ConvolutionTask, NetworkTask
from bench.workers import Turn, Worker, WorkerError, take_turns, time_all


@pytest.fixture(scope="module")
def cnnx_framework():
    return FRAMEWORKS[OURS].start(1)


@pytest.mark.parametrize("name", NETWORKS)
def test_network_trains_and_infers(name, cnnx_framework):
    loss = NetworkTask(name, "training", 4).prepare(cnnx_framework)()
    assert math.isfinite(loss)
    outputs = NetworkTask(name, "inference", 4).prepare(cnnx_framework)()
    assert outputs.shape == (4, NETWORKS[name].classes)
    assert np.isfinite(outputs).all()


def test_convolution_runs(cnnx_framework):
    ConvolutionTask(channels=2, size=5, batch=3).prepare(cnnx_framework)()


def test_channels_first_computes_the_same():
    network = Network("", (4, 5, 2), (Convolution(3, 3), Flatten(), Dense(2)), "")
    weights = network.weights()
    (kernel, _), _, (dense, _) = weights
    (turned, _), _, (turned_dense, _) = channels_first(network, weights)
    assert turned.shape == (3, 2, 3, 3)
    np.testing.assert_array_equal(turned[1, 0], kernel[:, :, 0, 1])
    image = np.random.default_rng(0).standard_normal((2, 3, 3))
    np.testing.assert_allclose(
        turned_dense @ image.transpose(2, 0, 1).ravel(), image.ravel() @ dense
    )


@pytest.mark.parametrize("way", ["loops", "im2col", "scipy_signal"])
def test_plain_networks_have_the_gradients_of_cnnx(way):
    if way == "scipy_signal":
        pytest.importorskip("scipy.signal", reason="SciPy is not installed")
    operations = importlib.import_module(f"bench.plain.{way}").OPERATIONS
    network = NETWORKS["numpy_cnn"]
    weights, (images, labels) = network.weights(), network.batch(2)
    model = build_model(network, weights)
    expected_loss = model.train_on_batch(images, labels)
    layers = {layer.name: [w.gradient for w in layer.weights] for layer in model.layers}
    expected = channels_first(network, [tuple(arrays) for arrays in layers.values()])

    plain = [array for arrays in channels_first(network, weights) for array in arrays]
    loss, found = gradients(operations, plain, images.transpose(0, 3, 1, 2), labels)
    assert loss == pytest.approx(expected_loss, rel=1e-5)
    for got, right in zip(found, (a for arrays in expected for a in arrays), strict=True):
        assert_close(got, right)


@pytest.mark.parametrize("name", PLAIN)
def test_plain_networks_train_as_cnnx_does(name, cnnx_framework):
    if FRAMEWORKS[name].missing():
        pytest.skip("SciPy is not installed")
    framework = FRAMEWORKS[name].start(1)
    task = NetworkTask("numpy_cnn", "training", 3)
    steps = [task.prepare(one) for one in (cnnx_framework, framework)]
    losses = np.array([[step() for _ in range(3)] for step in steps])
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-5)
    with pytest.raises(ValueError, match="trains numpy_cnn alone, not iq"):
        NetworkTask("iq", "training", 2).prepare(framework)


def test_loops_beside_cnnx():
    times = {OURS: [0.0032, 0.0064], "numpy-loops": [3.2, 3.2]}
    compared = comparison.Comparison(NetworkTask("numpy_cnn", "training", 32), 1, times)
    lines = numpy_loops.format_comparison(compared).splitlines()
    assert [" ".join(line.split()) for line in lines] == [
        "ms an image two epochs of 50,000 time / cnnx",
        "numpy-loops 100 (100-100) 2.78 h 750 (500-1000)",
        "cnnx 0.150 (0.100-0.200) 15.0 s 1",
    ]
    assert numpy_loops.parse_options(["--batch", "8"]).batch == 8


def test_options():
    chosen = peers.parse_options(
        ["--networks", "iq,lenet5", "--batch", "1,8", "--threads", "1,2", "--modes", "inference"]
    )
    assert chosen.networks == ["iq", "lenet5"]
    assert chosen.batch == [1, 8]
    assert chosen.threads == [1, 2]
    assert chosen.modes == ["inference"]
    assert chosen.peers == PEERS
    assert memory.parse_options([]).networks == list(NETWORKS)
    assert scaling.parse_options(["--sizes", "32"]).sizes == [32]
    assert neighbours.parse_options(["--busy", "0,3"]).busy == [0, 3]
    assert callers.parse_options(["--callers", "1,4"]).callers == [1, 4]


@pytest.mark.parametrize("wrong", [["--networks", "vgg"], ["--batch", "0"], ["--peers", "cnnx"]])
def test_wrong_options(wrong, capsys):
    with pytest.raises(SystemExit):
        peers.parse_options(wrong)
    assert wrong[1] in capsys.readouterr().err


def test_callers_share_out_the_predictions(cnnx_framework):
    CallersTask("iq", 1, callers=3, predictions=10).prepare(cnnx_framework)()


def test_processes_are_busy_for_a_while():
    with neighbours.busy(2) as processes:
        assert [process.poll() for process in processes] == [None, None]
    assert all(process.poll() is not None for process in processes)


def test_all_are_timed_in_turns():
    with Worker(OURS, 1) as worker:
        parts = {batch: (worker, NetworkTask("iq", "inference", batch)) for batch in (1, 2)}
        times = time_all(parts, rounds=3, seconds=0.001)
        assert [len(times[batch]) for batch in (1, 2)] == [3, 3]
        with pytest.raises(WorkerError, match="negative dimensions"):
            time_all({0: (worker, NetworkTask("iq", "inference", -1))}, rounds=1, seconds=0.001)


def test_workers_take_turns():
    task = NetworkTask("iq", "training", 2)
    with Worker(OURS, 1) as worker:
        worker.prepare(task)
        losses = worker.results(task, 2)
        assert losses[1] < losses[0]
        turns = [Turn(worker, task), Turn(worker, NetworkTask("iq", "inference", 2))]
        take_turns(turns, rounds=2, seconds=0.001)
        assert len(turns[0].times) == 2
        assert "KeyError" in turns[1].failure  # not prepared
        worker.forget(task)
        with pytest.raises(WorkerError, match="ValueError: negative dimensions"):
            worker.prepare(NetworkTask("iq", "training", -1))


def test_scaling_where_there_is_one_thread(capsys):
    with Worker(OURS, 1) as worker:
        scaling.Study({1: worker}, rounds=1, seconds=0.001).threads("inference", ["iq"], 2)
    assert capsys.readouterr().out.splitlines()[-1].endswith("1.00 (1.00-1.00)")


def test_best_peer_is_judged_round_by_round():
    times = {OURS: [1.0, 2.0, 1.0], "pytorch": [3.0, 5.0, 2.0], "jax": [2.0, 9.0, 4.0]}
    compared = comparison.Comparison(NetworkTask("iq", "training", 1), 1, times)
    assert compared.ratios("pytorch") == [3, 2.5, 2]
    assert compared.best_peer == "pytorch"
    assert statistics.median(compared.record()["ratios"]["jax"]) == 4


def test_tables():
    assert tables.format_table([["a", "bc"], ["def", "1"]]) == "a     bc\ndef    1"
    assert [tables.format_number(x) for x in (123.4, 12.34, 1.234, 0.1234)] == [
        "123",
        "12.3",
        "1.23",
        "0.123",
    ]
    durations = [tables.format_duration(seconds) for seconds in (7.2, 90, 9720)]
    assert durations == ["7.20 s", "1.50 min", "2.70 h"]
    assert options.number_list("3,4") == [3, 4]
