"""The benchmarks: networks, options, and processes that take turns. No peer is needed."""

import importlib
import json
import math
import statistics

import numpy as np
import pytest

import cnnx
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
from bench.networks import FAMILIES, NETWORKS, Network, NetworkFile
from bench.networks.description import (
    Convolution,
    Dense,
    Flatten,
    TransposedConvolution,
    chain,
    channels_first,
)
from bench.plain.network import gradients
from bench.tasks import PASSES, CallersTask, FileTask, LayerTask, NetworkTask
from bench.workers import Turn, Worker, WorkerError, take_turns, time_all
from small_networks import SMALL_NETWORKS

pytestmark = pytest.mark.one_isa


@pytest.fixture(scope="module")
def cnnx_framework():
    return FRAMEWORKS[OURS].start(1)


@pytest.mark.parametrize("name", SMALL_NETWORKS)
def test_network_trains_and_infers(name, cnnx_framework):
    network = SMALL_NETWORKS[name]
    weights, (x, y) = network.weights(), network.batch(2)
    step = cnnx_framework.training_step(network, weights, x, y)
    assert 0 < step() < math.inf
    outputs = cnnx_framework.inference_step(network, weights, x)()
    assert outputs.shape == (2, *network.shapes()[-1])
    assert 0 < outputs.min() < outputs.max() < 1


def test_sizes_of_the_graphs():
    """Numbers of weights as in the papers and as others count them, moving averages included."""
    weights = {
        name: sum(array.size for arrays in NETWORKS[name].weights() for array in arrays)
        for name in ("resnet20", "resnet18", "resnet50", "mobilenetv2", "unet", "conv1d")
    }
    assert weights == {
        "resnet20": 269_722 + 2 * (16 * 7 + 32 * 6 + 64 * 6),
        "resnet18": 11_689_512 + 2 * 4800,
        "resnet50": 25_557_032 + 2 * 26_560,
        "mobilenetv2": 3_504_872 + 2 * 17_056,
        "unet": 1_940_817,
        "conv1d": 16 * 8 + 32 * 81 + 64 * 97 + 650,
    }


@pytest.mark.parametrize("name", PASSES)
@pytest.mark.parametrize(
    "layer",
    [
        Convolution(6, 3, "same", strides=2, use_bias=False),
        Convolution(4, 5, "same", groups=4, use_bias=False),
        TransposedConvolution(3, 2, use_bias=False),
    ],
    ids=["strided", "depthwise", "transposed"],
)
def test_layers_run_each_pass(layer, name, cnnx_framework):
    task = LayerTask(layer, (7, 9, 4), 2, (name,))
    found = task.prepare(cnnx_framework)()
    output = layer.output_shape(task.shape)
    shapes = {"forward": (2, *output), "data": (2, *task.shape)}
    assert found.shape == shapes.get(name, layer.weight_shapes(task.shape)[0])
    LayerTask(layer, (7, 9, 4), 2, PASSES).prepare(cnnx_framework)()


def test_operations_of_a_layer():
    assert LayerTask(Convolution(5, 3, strides=2), (7, 7, 4), 2, PASSES).operations == (
        2 * 2 * 3 * 3 * 3 * 3 * 4 * 5
    )
    assert LayerTask(TransposedConvolution(5, 2), (7, 7, 4), 2, PASSES).operations == (
        2 * 2 * 7 * 7 * 2 * 2 * 4 * 5
    )


def test_channels_first_computes_the_same():
    network = Network("", (4, 5, 2), chain(Convolution(3, 3), Flatten(), Dense(2)), "")
    weights = network.weights()
    (kernel, _), _, (dense, _) = weights
    (turned, _), _, (turned_dense, _) = channels_first(network, weights)
    assert turned.shape == (3, 2, 3, 3)
    np.testing.assert_array_equal(turned[1, 0], kernel[:, :, 0, 1])
    image = np.random.default_rng(0).standard_normal((2, 3, 3))
    np.testing.assert_allclose(
        turned_dense @ image.transpose(2, 0, 1).ravel(), image.ravel() @ dense
    )
    transposed = Network("", (4, 5, 2), chain(TransposedConvolution(3, 2)), "")
    weights = transposed.weights()
    turned = channels_first(transposed, weights)[0][0]  # (in, out, height, width)
    np.testing.assert_array_equal(turned[1, 2], weights[0][0][:, :, 2, 1])


@pytest.mark.parametrize("way", ["loops", "im2col", "scipy_signal"])
def test_plain_networks_have_the_gradients_of_cnnx(way):
    if way == "scipy_signal":
        pytest.importorskip("scipy.signal", reason="SciPy is not installed")
    operations = importlib.import_module(f"bench.plain.{way}").OPERATIONS
    network = NETWORKS["numpy_cnn"]
    weights, (images, labels) = network.weights(), network.batch(2)
    model = build_model(network, weights)
    expected_loss = model.train_on_batch(images, labels)
    gradients_of = [tuple(w.gradient for w in layer.weights) for layer in model.layers[1:]]
    expected = channels_first(network, gradients_of)

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
    chains, graphs = ([network.name for network in family] for family in FAMILIES.values())
    assert memory.parse_options([]).networks == chains
    assert peers.parse_options(["--networks", "graphs,iq"]).networks == [*graphs, "iq"]
    assert peers.parse_options([]).batch == [None]
    assert memory.parse_options(["--batch", "own,1"]).batch == [None, 1]
    assert scaling.parse_options(["--sizes", "32"]).sizes == [32]
    assert neighbours.parse_options(["--busy", "0,3"]).busy == [0, 3]
    assert callers.parse_options(["--callers", "1,4"]).callers == [1, 4]


@pytest.fixture
def onnx_file(tmp_path):
    """Two outputs, and a size that the file leaves open."""
    onnx = pytest.importorskip("onnx", reason="onnx is not installed: the extra onnx")
    image = cnnx.Input((6, 8, 3), name="image")
    x = cnnx.layers.Conv2D(4, 3, padding="same")(image)
    outputs = [cnnx.layers.ReLU()(x), cnnx.layers.GlobalAveragePooling2D()(x)]
    path = tmp_path / "small.onnx"
    cnnx.onnx.save(cnnx.Model(image, outputs), path, data_format="channels_first")
    model = onnx.load(path)
    for value in (*model.graph.input, *model.graph.output):
        for extent in value.type.tensor_type.shape.dim[2:3]:
            extent.dim_param = "rows"
    onnx.save(model, path)
    return path


def test_networks_of_files(onnx_file):
    text = f"iq,{onnx_file}:3x5x8"
    name, file = peers.parse_options(["--networks", text]).networks
    assert (name, file.name, file.input_name) == ("iq", "small 3x5x8", "image")
    task = FileTask(file, 2)
    found = [
        task.prepare(entry.start(1))()
        for entry in FRAMEWORKS.values()
        if entry.files and not entry.missing()
    ]
    for outputs in found:
        assert outputs.shape == (2, 4, 5, 8)
        assert outputs.max() > 0
        assert_close(outputs, found[0], 1e-5)


def test_files_beside_networks(onnx_file, tmp_path, monkeypatch, capsys):
    """A report of both, of which the picture draws the networks."""
    command = f"--networks iq,{onnx_file}:3x5x8 --peers onnxruntime --rounds 1 --seconds .001"
    report = tmp_path / "report.json"
    monkeypatch.setattr("sys.argv", ["peers", *command.split(), "--json", str(report)])
    peers.main()
    tasks = [
        (c["network"], c["mode"], c["batch"]) for c in json.loads(report.read_text())["comparisons"]
    ]
    assert tasks == [
        ("iq", "training", 32),
        ("iq", "inference", 32),
        ("small 3x5x8", "inference", 1),
    ]
    assert "small 3x5x8" in capsys.readouterr().out


def test_a_file_that_leaves_sizes_open(onnx_file):
    with pytest.raises(ValueError, match=r"samples of .* are 3x[?]x8; write small\.onnx:3x224x224"):
        NetworkFile.parse(str(onnx_file))
    with pytest.raises(ValueError, match=r"other\.onnx: no such file"):
        NetworkFile.parse("other.onnx:3x8x8")


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
        scaling.Study({1: worker}, rounds=1, seconds=0.001).threads("inference", ["iq"])
    assert capsys.readouterr().out.splitlines()[-1].endswith("1.00 (1.00-1.00)")


def test_best_peer_is_judged_round_by_round():
    times = {OURS: [1.0, 2.0, 1.0], "pytorch": [3.0, 5.0, 2.0], "jax": [2.0, 9.0, 4.0]}
    compared = comparison.Comparison(NetworkTask("iq", "training", 1), 1, times)
    assert compared.ratios("pytorch") == [3, 2.5, 2]
    assert compared.best_peer == "pytorch"
    assert statistics.median(compared.record()["ratios"]["jax"]) == 4
    record = json.loads(json.dumps(compared.record()))
    again = comparison.Comparison.from_record(compared.task, record)
    assert again == compared


def test_titles():
    tasks = [NetworkTask("iq", "training", batch) for batch in (8, 32)]
    compared = [comparison.Comparison(task, 2) for task in tasks]
    assert comparison.title(compared[:1]) == "training, batch 8, 2 threads"
    assert comparison.title(compared) == "training, 2 threads"


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
