import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import cnnx
from cnnx import layers
from cnnx.command import main
from cnnx.data import write_idx
from cnnx.experiment import format_confusion_matrix

pytestmark = pytest.mark.one_isa

TEST_DATA = os.environ.get("CNNX_TEST_DATA")
COMMAND = [sys.executable, "-m", "cnnx"]


def test_train_digits(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["train", "digits"]) == 0
    output = capsys.readouterr().out
    accuracy = re.search(r"^Test accuracy: ([\d.]+) % of 359 images$", output, re.MULTILINE)
    assert float(accuracy[1]) >= 98
    assert "Conv2D" in output
    assert "Confusion matrix" in output
    assert re.search(r"^Training time: +[\d.]+ s, [\d,]+ images/s$", output, re.MULTILINE)
    assert f"Model saved:   {tmp_path / 'digits.safetensors'}" in output
    model = cnnx.models.load_model("digits.safetensors")
    _, (x_test, y_test) = cnnx.datasets.digits.load_data()
    found = model.predict(x_test[..., None], verbose=0).argmax(axis=1) == y_test
    assert f"{found.mean():.2%}" == f"{accuracy[1]}%"


def test_the_command_alone_shows_help(capsys):
    assert main([]) == 0
    output = capsys.readouterr().out
    for command in ("train", "predict", "evaluate", "report", "summary", "export", "info"):
        assert re.search(rf"^ +{command} ", output, re.MULTILINE)


def test_options(tmp_path, capsys):
    output = tmp_path / "ü ü" / "模型.bin"
    output.parent.mkdir()
    options = "train digits --epochs 1 --batch-size 200 --learning-rate 0.01 --seed 3 --threads 1"
    try:
        assert main([*options.split(), "--output", str(output)]) == 0
        assert cnnx.config.num_threads() == 1
    finally:
        cnnx.config.set_num_threads(0)
    first = cnnx.models.load_model(output).get_weights()
    assert main([*options.split()[:-2], "--output", str(output)]) == 0
    for one, other in zip(cnnx.models.load_model(output).get_weights(), first, strict=True):
        np.testing.assert_array_equal(one, other)
    assert str(output) in capsys.readouterr().out


def test_train_mnist_from_a_folder(tmp_path, capsys):
    generator = np.random.default_rng(0)
    for stem, n in (("train", 300), ("t10k", 20)):
        images = generator.integers(0, 256, (n, 28, 28), np.uint8)
        write_idx(tmp_path / f"{stem}-images-idx3-ubyte", images)
        write_idx(tmp_path / f"{stem}-labels-idx1-ubyte.gz", np.arange(n, dtype=np.uint8) % 10)
    output = tmp_path / "model"
    options = ["train", "mnist", "--data", str(tmp_path), "--epochs", "1", "--output", str(output)]
    assert main(options) == 0
    assert "of 20 images" in capsys.readouterr().out
    assert output.exists()


@pytest.fixture(scope="module")
def pets(tmp_path_factory):
    """A folder of pictures, bright on the left or at the top, and a network that learned it."""
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed: the extra images")
    folder = tmp_path_factory.mktemp("pets") / "sides"
    generator = np.random.default_rng(0)
    for name in ("left", "top"):
        (folder / name).mkdir(parents=True)
        for index in range(40):
            picture = generator.integers(0, 80, (32, 32, 3), np.uint8)
            (picture[:, :16] if name == "left" else picture[:16])[...] += 150
            image.fromarray(picture).save(folder / name / f"{index:02}.png")
    model = folder.parent / "sides.safetensors"
    arguments = ["train", str(folder), "--size=16", "--epochs=20", "--batch-size=8"]
    assert main([*arguments, "--output", str(model)]) == 0
    return folder, model


def test_train_a_folder(pets, capsys):
    folder, file = pets
    model = cnnx.models.load_model(file)
    assert model.class_names == ["left", "top"]
    assert model.input_shape == (None, 16, 16, 3)
    assert main(["evaluate", str(file), str(folder)]) == 0
    output = capsys.readouterr().out
    assert (
        float(re.search(r"^Test accuracy: ([\d.]+) % of 80 images", output, re.MULTILINE)[1]) > 95
    )
    assert re.search(r"^ +1 \|.*  top$", output, re.MULTILINE)


@pytest.mark.parametrize("options", ["--arch residual", "--augment", "--grayscale"])
def test_options_for_folders(pets, tmp_path, capsys, options):
    folder, _ = pets
    output = tmp_path / "model"
    arguments = ["train", str(folder), "--size=16", "--epochs=1", *options.split()]
    assert main([*arguments, "--output", str(output)]) == 0
    model = cnnx.models.load_model(output)
    kinds = {type(layer).__name__ for layer in model.layers}
    assert ("Add" in kinds) == (options == "--arch residual")
    assert ("RandomRotation" in kinds) == (options == "--augment")
    assert model.input_shape[-1] == (1 if options == "--grayscale" else 3)


def test_predict_pictures_and_folders(pets, capsys):
    folder, file = pets
    capsys.readouterr()
    assert main(["predict", str(file), str(folder / "top" / "03.png"), str(folder / "left")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 41
    assert re.fullmatch(rf"top  +[\d.]+ %  {folder}/top/03.png", lines[0])
    assert sum(line.startswith("left") for line in lines[1:]) >= 38


def test_pictures_of_any_size(tmp_path, capsys):
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed: the extra images")
    model = cnnx.Sequential(
        [
            cnnx.Input((None, None, 3)),
            cnnx.layers.Rescaling(1 / 255),
            cnnx.layers.Conv2D(4, 3),
            cnnx.layers.GlobalMaxPooling2D(),
            cnnx.layers.Dense(2, activation="softmax"),
        ]
    )
    model.class_names = ["cat", "dog"]
    model.save(tmp_path / "model")
    (tmp_path / "in").mkdir()
    generator = np.random.default_rng(0)
    shares = []
    for number, size in enumerate([(20, 30), (25, 12)]):
        picture = generator.integers(0, 256, (*size, 3), np.uint8)
        image.fromarray(picture).save(tmp_path / "in" / f"{number}.png")
        shares.append(model.predict(picture[None], verbose=0)[0])
    assert main(["predict", str(tmp_path / "model"), str(tmp_path / "in"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    np.testing.assert_allclose([[*one["shares"].values()] for one in found], shares, rtol=1e-6)
    assert [Path(one["file"]).name for one in found] == ["0.png", "1.png"]


@pytest.fixture(scope="module")
def any_size(pets):
    """A network that judges the pets at any size."""
    folder, file = pets
    model = cnnx.Sequential(
        [
            cnnx.Input((None, None, 3)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(8, 3, strides=2, activation="relu"),
            layers.AdaptiveAveragePooling2D(2),
            layers.Flatten(),
            layers.Dense(2, activation="softmax"),
        ]
    )
    read = cnnx.data.image_folder(folder, 16, seed=0)
    model.compile(cnnx.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    model.fit(*read.train, epochs=20, batch_size=8, verbose=0)
    model.class_names = read.class_names
    model.save(file.parent / "any_size")
    return str(folder), str(file.parent / "any_size")


def test_a_folder_for_a_network_of_any_size(any_size, pets, capsys):
    folder, file = any_size
    capsys.readouterr()
    assert main(["evaluate", file, folder]) == 2
    assert "takes pictures of any size" in capsys.readouterr().err
    assert main(["evaluate", file, folder, "--size=24"]) == 0
    x, y = cnnx.data.image_folder(folder, 24, shuffle=False).train
    right = (cnnx.models.load_model(file).predict(x, verbose=0).argmax(axis=1) == y).mean()
    assert f"Test accuracy: {100 * right:.2f} % of 80 images" in capsys.readouterr().out
    assert main(["evaluate", str(pets[1]), folder, "--size=24"]) == 2
    assert "--size: the network takes 16 x 16 pixels" in capsys.readouterr().err
    assert main(["evaluate", file, "digits", "--size=24"]) == 2
    assert "--size is for folders" in capsys.readouterr().err


def test_a_report_on_a_network_of_any_size(any_size, tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: the extra plot")
    folder, file = any_size
    page = tmp_path / "report.html"
    assert main(["report", file, folder, "--size=16", "--output", str(page)]) == 0
    assert "<h2>Confusion matrix" in page.read_text("utf-8")


def test_predict_as_json(pets, capsys):
    folder, file = pets
    picture = folder / "top" / "03.png"
    capsys.readouterr()
    assert main(["predict", str(file), str(picture), "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found["file"] == str(picture)
    assert found["class"] == "top"
    assert sum(found["shares"].values()) == pytest.approx(1)
    model = cnnx.models.load_model(file)
    shares = model.predict(cnnx.data.load_image(picture, 16)[None], verbose=0)[0]
    assert list(found["shares"].values()) == pytest.approx(shares.tolist())


def test_summary_and_export(pets, tmp_path, capsys):
    _, file = pets
    assert main(["summary", str(file)]) == 0
    output = capsys.readouterr().out
    assert "Conv2D" in output
    assert "Classes: left, top" in output
    pytest.importorskip("onnx", reason="onnx is not installed: the extra onnx")
    for option, shape in (([], (16, 16, 3)), (["--channels-first"], (3, 16, 16))):
        assert main(["export", str(file), str(tmp_path / "m.onnx"), *option]) == 0
        model = cnnx.onnx.load(tmp_path / "m.onnx")
        assert model.input_shape == (None, *shape)


def test_a_report_is_one_page_that_needs_no_other_file(pets, tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: the extra plot")
    folder, file = pets
    page = tmp_path / "report.html"
    assert main(["report", str(file), str(folder), "--output", str(page)]) == 0
    text = page.read_text("utf-8")
    for heading in ("The network", "Training", "Confusion matrix", "Filters of the first"):
        assert f"<h2>{heading}" in text
    assert re.search(r"<h2>(Mistakes|The worst of)", text)
    assert "<svg" in text
    assert text.count("data:image/png;base64,") >= 3
    assert not re.search(r'(src|href)="(?!data:)', text)


def test_networks_that_classify_no_pictures(tmp_path, capsys):
    file = tmp_path / "model"
    cnnx.Sequential([cnnx.Input((5,)), layers.Dense(2)]).save(file)
    assert main(["predict", str(file), "a.png"]) == 2
    assert "the command reads pictures" in capsys.readouterr().err


def test_one_output_for_two_classes(pets, tmp_path, capsys):
    folder, _ = pets
    parts = [cnnx.Input((16, 16, 3)), layers.Flatten(), layers.Dense(1, activation="sigmoid")]
    model = cnnx.Sequential(parts)
    model.class_names = ["left", "top"]
    model.save(tmp_path / "model")
    capsys.readouterr()
    assert main(["evaluate", str(tmp_path / "model"), str(folder)]) == 0
    assert "of 80 images" in capsys.readouterr().out


def test_info(capsys):
    assert main(["info"]) == 0
    rows = dict(re.split(r" {2,}", line) for line in capsys.readouterr().out.splitlines())
    assert list(rows) == ["version", "Python", "compiler", "instruction set", "threads"]
    assert rows["version"] == cnnx.__version__
    assert rows["threads"] == str(cnnx.config.num_threads())
    assert rows["instruction set"].startswith(cnnx.config.active_isa())
    assert all(isa in rows["instruction set"] for isa in cnnx.config.available_isas())


MISTAKES = {
    "trian digits": "invalid choice: 'trian'",
    "train": "required: dataset",
    "train cats": "cats: no such folder, and no data set (digits, mnist)",
    "train digits --epochs 0": "'0' is not a whole number from 1",
    "train digits --epochs 1.5": "'1.5' is not a whole number",
    "train digits --batch-size -3": "'-3' is not a whole number",
    "train digits --threads 99999999999": "not a whole number from 1 to",
    "train digits --seed x": "'x' is not a whole number from 0",
    "train digits --learning-rate 0": "'0' is not a number above 0",
    "train digits --learning-rate nan": "'nan' is not a number above 0",
    "train digits --output absent/model": "absent does not exist",
    "train digits --output .": "is a folder",
    "train digits --data .": "part of cnnx",
    "train mnist --data absent": "absent: holds neither train-images-idx3-ubyte nor",
}


@pytest.mark.parametrize(("arguments", "message"), MISTAKES.items())
def test_mistakes(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    try:
        status = main(arguments.split())
    except SystemExit as end:
        status = end.code
    assert status == 2
    streams = capsys.readouterr()
    assert message in streams.err
    assert "Traceback" not in streams.err
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_data_file(tmp_path, capsys):
    (tmp_path / "train-images-idx3-ubyte").write_bytes(b"<html>")
    for name in ("train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        (tmp_path / f"{name}-ubyte").write_bytes(b"")
    assert main(["train", "mnist", "--data", str(tmp_path)]) == 2
    assert "train-images-idx3-ubyte: not an IDX file but a web page" in capsys.readouterr().err


def test_interruption(tmp_path):
    with subprocess.Popen(
        [*COMMAND, "train", "digits", "--epochs", "9999"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        while not process.stdout.readline().startswith("Epoch 1/"):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=10)
    assert process.returncode == 130
    assert errors == "\ncnnx: interrupted\n"
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_leaves(tmp_path, monkeypatch):
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    script = f"{' '.join(COMMAND)} info | true; exit ${{PIPESTATUS[0]}}"
    result = subprocess.run(["bash", "-c", script], capture_output=True, text=True, cwd=tmp_path)
    assert result.returncode in (0, 1)  # 0 where the output went out before the reader left
    assert result.stderr == ""


@pytest.mark.parametrize(
    "output", [">&-", "2>&-", ">&- 2>&-", ">/dev/full", "| head -n 1", "| true"]
)
def test_training_goes_on_where_nobody_reads(tmp_path, monkeypatch, output):
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    script = f"{' '.join(COMMAND)} train digits --epochs 1 {output}; exit ${{PIPESTATUS[0]}}"
    result = subprocess.run(["bash", "-c", script], capture_output=True, text=True, cwd=tmp_path)
    assert "Traceback" not in result.stderr
    assert "Exception" not in result.stderr
    assert result.returncode in (0, 1, 2)
    assert cnnx.models.load_model(tmp_path / "digits.safetensors").built


@pytest.fixture(params=["none", "closed", "a terminal that has gone"])
def nobody(request):
    """Return an output stream that nobody reads."""
    if request.param == "none":
        yield None
        return
    master, terminal = os.openpty()
    with contextlib.suppress(OSError), open(terminal, "w") as stream:
        if request.param == "closed":
            stream.close()
        os.close(master)
        yield stream


def test_fit_evaluate_and_summary_where_nobody_reads(monkeypatch, nobody):
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, nobody)
    model = cnnx.Sequential([cnnx.Input((3,)), cnnx.layers.Dense(1)])
    model.compile("sgd", "mse")
    x, y = np.ones((20, 3)), np.ones((20, 1))
    for verbose in (1, 2, "auto"):
        model.fit(x, y, epochs=2, verbose=verbose)
        model.evaluate(x, y, verbose=verbose)
        model.predict(x, verbose=verbose)
    model.summary()


def test_confusion_matrix_table():
    table = format_confusion_matrix(np.array([[12, 0], [1, 3]]))
    assert table.splitlines() == [
        " true | predicted",
        "      |   0   1   recall",
        "------+-----------------",
        "    0 |  12   .  100.0 %",
        "    1 |   1   3   75.0 %",
    ]


EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.mark.mnist
@pytest.mark.skipif(TEST_DATA is None, reason="CNNX_TEST_DATA is not set")
@pytest.mark.parametrize(
    ("program", "least"),
    [
        # Over seeds 94.5 to 97.4, and 98.5 to 98.7; another instruction set is like another seed.
        pytest.param(["numpy_cnn_mnist.py"], 94.0, id="rate .01"),
        pytest.param(["numpy_cnn_mnist.py", "--learning-rate", ".001"], 98.3, id="rate .001"),
        pytest.param(["gap_mnist.py"], 95.0, id="global average pooling"),
    ],
)
def test_examples(tmp_path, program, least):
    output = run_on_mnist(tmp_path, *program)
    accuracy = re.search(r"^Test accuracy: ([\d.]+) %", output, re.MULTILINE)
    assert float(accuracy[1]) >= least


def run_on_mnist(folder, program, *arguments):
    """Run an example in an empty folder and return what it prints."""
    command = [sys.executable, EXAMPLES / program, *arguments, "--data", Path(TEST_DATA) / "mnist"]
    result = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder)
    return result.stdout


@pytest.mark.mnist
@pytest.mark.skipif(TEST_DATA is None, reason="CNNX_TEST_DATA is not set")
def test_a_sixteenth_of_the_images_with_the_cost_of_every_batch(tmp_path):
    """S2 trains on 1/16 of the images, and saves its costs with the weights."""
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: the extra plot")
    output = run_on_mnist(tmp_path, "numpy_cnn_mnist.py", "--fraction", "1/16", "--out", "a.png")
    assert "Training time" in output
    costs = cnnx.models.load_model(
        tmp_path / "output" / "numpy_cnn_mnist.safetensors"
    ).history.batches["loss"]
    assert len(costs) == 2 * 118  # batches of 32 of 3,750 images
    assert np.mean(costs[:20]) > 2 * np.mean(costs[-20:])
    assert (tmp_path / "a.png").stat().st_size > 10_000


def test_show_config_prints_an_entry_a_line(capsys):
    cnnx.config.show_config()
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(cnnx.config.build_config())
    assert lines[0].split()[-1] == cnnx.__version__
