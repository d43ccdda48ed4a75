"""Threads, forks, signals and the environment. Each script runs in a Python of its own."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import cnnx
from agreement import normal
from cnnx import _core, layers

pytestmark = pytest.mark.one_isa

HANG = 60  # seconds; what works takes one or two

NETWORK = """
import os, sys, multiprocessing
import numpy as np
import cnnx
cnnx.config.set_num_threads(2)
cnnx.utils.set_random_seed(1)
model = cnnx.Sequential([
    cnnx.Input((32, 32, 3)), cnnx.layers.Conv2D(16, 3, activation="relu"),
    cnnx.layers.Flatten(), cnnx.layers.Dense(4, activation="softmax")])
model.compile(optimizer="sgd", loss="sparse_categorical_crossentropy")
x = np.random.default_rng(1).random((64, 32, 32, 3), np.float32)
y = np.arange(64) % 4
def predict(_=None):
    return model.predict(x, verbose=0).tobytes()
expected = predict()
"""


def run_script(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", script],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=HANG,
        check=False,
    )


def output_of(script: str, **environment: str) -> str:
    result = run_script(script, **environment)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def test_import_is_silent() -> None:
    result = run_script("import cnnx")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("environment", "spins"),
    [({}, "10000"), ({"GOMP_SPINCOUNT": "77"}, "77"), ({"OMP_WAIT_POLICY": "passive"}, "0")],
)
def test_idle_threads_spin_briefly(environment: dict[str, str], spins: str) -> None:
    script = "import os, cnnx; print(os.environ.get('GOMP_SPINCOUNT'))"
    for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
        script = (
            script
            if name in environment
            else f"import os; os.environ.pop({name!r}, None); {script}"
        )
    result = run_script(script, OMP_DISPLAY_ENV="verbose", **environment)
    if "GOMP_SPINCOUNT" not in result.stderr:
        pytest.skip("the OpenMP runtime is not libgomp")
    assert f"GOMP_SPINCOUNT = '{spins}'" in result.stderr
    assert result.stdout.strip() == str(environment.get("GOMP_SPINCOUNT"))  # the user's own is left


def test_two_threads_really_run() -> None:
    script = NETWORK + 'print(len(os.listdir("/proc/self/task")))'
    if not os.path.isdir("/proc/self/task"):
        pytest.skip("counts threads in /proc")
    one = script.replace("set_num_threads(2)", "set_num_threads(1)")
    assert int(output_of(script)) > int(output_of(one))


FORKS = """
def fork(times):
    for _ in range(times):
        child = os.fork()
        if child == 0:
            os._exit(0 if predict() == expected else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert predict() == expected
"""


def test_a_hundred_forks_after_use_compute_the_same() -> None:
    assert output_of(NETWORK + FORKS + 'fork(100); print("done")') == "done"


def test_a_fork_while_other_threads_compute_computes_the_same() -> None:
    """Of the same model and of another; none of their locks and threads exist in the child."""
    script = """
import copy, threading
other = copy.deepcopy(model)
for run in (predict, lambda: other.fit(x, y, verbose=0)):
    def forever(run=run):
        while True:
            run()
    threading.Thread(target=forever, daemon=True).start()
fork(30)
print("done", flush=True)
os._exit(0)
"""
    assert output_of(NETWORK + FORKS + script) == "done"


def test_a_fork_pool_after_use_computes_the_same() -> None:
    script = """
with multiprocessing.get_context("fork").Pool(2) as pool:
    assert pool.map(predict, range(4)) == [expected] * 4
model.fit(x, y, verbose=0)
print("done")
"""
    assert output_of(NETWORK + script) == "done"


# A neighbour with an OpenMP runtime of its own, at work on two threads.
NEIGHBOURS = {
    "torch": """
import torch
torch.set_num_threads(2)
def work():
    torch.nn.functional.conv2d(torch.ones(8, 3, 32, 32), torch.ones(8, 3, 3, 3))
""",
    "sklearn": """
from sklearn.ensemble import HistGradientBoostingClassifier
def work():
    HistGradientBoostingClassifier(max_iter=2).fit(np.eye(100), np.arange(100) % 2)
""",
    "xgboost": """
import xgboost
def work():
    xgboost.XGBClassifier(n_estimators=2, n_jobs=2).fit(np.eye(100), np.arange(100) % 2)
""",
}


@pytest.mark.parametrize("neighbour", NEIGHBOURS)
@pytest.mark.parametrize("order", ["before", "after"])
def test_other_openmp_runtimes_in_the_process(neighbour: str, order: str) -> None:
    if importlib.util.find_spec(neighbour) is None:
        pytest.skip(f"needs {neighbour}")
    begin = NEIGHBOURS[neighbour] + "work()\n"
    script = "import numpy as np\n" + begin + NETWORK if order == "before" else NETWORK + begin
    script += FORKS
    script += """
for _ in range(3):
    work()
    assert predict() == expected
fork(3)
work()
print("done")
"""
    assert output_of(script) == "done"


def test_gunicorn_with_preload_answers(tmp_path: Path) -> None:
    """The workers are forked from a process that has already computed."""
    pytest.importorskip("gunicorn")
    (tmp_path / "app.py").write_text(
        NETWORK
        + """
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{os.getpid()} {os.getppid()} {predict() == expected}".encode()]
"""
    )
    address = tmp_path / "socket"
    command = [sys.executable, "-m", "gunicorn", "--preload", "--workers=2"]
    with subprocess.Popen(
        [*command, f"--bind=unix:{address}", "--timeout=15", "app:app"],
        cwd=tmp_path,
        env=os.environ | {"HOME": str(tmp_path)},
        stderr=subprocess.DEVNULL,
    ) as server:
        try:
            while not address.exists():
                assert server.poll() is None, "gunicorn does not start"
                time.sleep(0.05)
            answers = [answer(address) for _ in range(8)]
        finally:
            server.terminate()
    for text in answers:
        worker, parent, same = text.split()
        assert (parent, same) == (str(server.pid), "True")
        assert worker != parent


def answer(address: Path) -> str:
    """Return what a server on a UNIX socket answers."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(HANG)
        connection.connect(str(address))
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        response = b"".join(iter(lambda: connection.recv(4096), b""))
        return response.split(b"\r\n\r\n", 1)[1].decode()


def test_ctrl_c_in_fit_answers_within_3_seconds_and_leaves_the_model_usable() -> None:
    script = """
callback = cnnx.callbacks.LambdaCallback(
    on_train_batch_begin=lambda batch, logs: print("training", flush=True))
try:
    model.fit(x, y, epochs=10**6, verbose=0, callbacks=[callback])
except KeyboardInterrupt:
    print("interrupted", flush=True)
assert np.isfinite(model.predict(x, verbose=0)).all()
model.fit(x, y, verbose=0)
print("usable", flush=True)
"""
    with subprocess.Popen(
        [sys.executable, "-c", NETWORK + script], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        try:
            assert child.stdout.readline() == "training\n"
            child.send_signal(signal.SIGINT)
            sent = time.monotonic()
            for line in child.stdout:
                if line == "interrupted\n":
                    break
            assert time.monotonic() - sent < 3
            assert child.stdout.readlines()[-1:] == ["usable\n"]
            assert child.wait(HANG) == 0
        finally:
            child.kill()


SUMS = """
import numpy as np
from cnnx import _core
rows, losses = np.random.default_rng(1).random((50, 999), np.float32), np.empty(50, np.float32)
_core.elementwise_loss_forward("squared", [], True, rows, rows[::-1].copy(), losses)
result = losses.tobytes().hex()
"""


def test_cnnx_isa_decides_what_runs() -> None:
    """A sum's bits depend on its order, and so on the vectors' width: they tell who made it."""
    here: dict[str, str] = {}
    for isa in _core.available_isas():
        _core.set_isa(isa)
        names: dict[str, str] = {}
        exec(SUMS, names)
        here[isa] = names["result"]
        assert output_of(SUMS + "print(_core.active_isa(), result)", CNNX_ISA=isa) == (
            f"{isa} {here[isa]}"
        )
    assert len(set(here.values())) == len(here)


def test_the_best_isa_is_the_default() -> None:
    script = "from cnnx import config; print(config.active_isa() == config.available_isas()[0])"
    assert output_of(script, CNNX_ISA="") == "True"


def test_an_unknown_cnnx_isa_is_named() -> None:
    result = run_script("import cnnx; cnnx.activations.relu([1.0])", CNNX_ISA="mmx")
    assert result.returncode == 1
    assert "mmx" in result.stderr
    assert "CNNX_ISA" in result.stderr
    assert "ref" in result.stderr, "the message lists what there is"


def test_a_processor_of_2008_imports_and_trains() -> None:
    """An Intel Nehalem has SSE4.2 and no AVX; any other instruction ends the process there."""
    emulator = shutil.which("qemu-x86_64")
    if emulator is None or platform.machine() != "x86_64":
        pytest.skip("needs qemu-x86_64 (Debian: apt install qemu-user)")
    script = """
assert cnnx.config.available_isas() == ["ref"]
before = model.evaluate(x, y, verbose=0)
model.fit(x, y, epochs=2, verbose=0)
print(model.evaluate(x, y, verbose=0) < before)
"""
    result = subprocess.run(
        [emulator, "-cpu", "Nehalem", sys.executable, "-c", NETWORK + script],
        capture_output=True,
        text=True,
        timeout=2 * HANG,
        check=False,
    )
    assert (result.returncode, result.stdout) == (0, "True\n"), result.stderr


def test_omp_num_threads_is_honoured() -> None:
    script = "from cnnx import config; print(config.num_threads())"
    assert output_of(script, OMP_NUM_THREADS="1") == "1"
    assert output_of(script, OMP_NUM_THREADS="3") == "3"


def test_limits_of_threadpoolctl_are_honoured() -> None:
    pytest.importorskip("threadpoolctl")
    script = """
from cnnx import config
from threadpoolctl import threadpool_info, threadpool_limits
assert "openmp" in [library["user_api"] for library in threadpool_info()]
with threadpool_limits(1, user_api="openmp"):
    print(config.num_threads())
print(config.num_threads())
"""
    assert output_of(script, OMP_NUM_THREADS="3").split() == ["1", "3"]


def test_set_num_threads_returns_to_the_default() -> None:
    default = cnnx.config.num_threads()
    cnnx.config.set_num_threads(3)
    assert cnnx.config.num_threads() == 3
    cnnx.config.set_num_threads(0)
    assert cnnx.config.num_threads() == default


def test_eight_threads_predict_with_one_model() -> None:
    model = cnnx.Sequential(
        [
            cnnx.Input((16, 16, 3)),
            layers.Conv2D(8, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(4, activation="softmax"),
        ]
    )
    batches = [normal(i, 5 + i, 16, 16, 3) for i in range(40)]
    expected = [model.predict(x, verbose=0) for x in batches]
    with ThreadPoolExecutor(8) as pool:
        for got, one in zip(
            pool.map(lambda x: model.predict(x, verbose=0), batches), expected, strict=True
        ):
            np.testing.assert_array_equal(got, one)


def test_a_child_exits_cleanly_while_threads_compute() -> None:
    script = """
import threading
def forever():
    while True:
        predict()
threading.Thread(target=forever, daemon=True).start()
"""
    assert output_of(NETWORK + script) == ""


SHORT_OF_THREADS = """
import os, resource
def train(threads):
    cnnx.config.set_num_threads(threads)
    cnnx.utils.set_random_seed(1)
    fresh = cnnx.models.clone_model(model)
    fresh.compile("sgd", "sparse_categorical_crossentropy")
    fresh.fit(x, y, epochs=3, verbose=0)
    return [weight.tobytes() for weight in fresh.get_weights()]
expected = train(1)
if os.getuid() == 0:
    os.setuid(54321)  # root has no limit
resource.setrlimit(resource.RLIMIT_NPROC, ({limit}, {limit}))
cnnx.config.set_num_threads(4)
assert train(4) == expected
print(len(os.listdir("/proc/self/task")) <= {limit} + 1, "done")
"""


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_a_thread_that_cannot_be_started_is_done_without(limit: int) -> None:
    script = NETWORK.replace("set_num_threads(2)", "set_num_threads(1)")
    script += SHORT_OF_THREADS.format(limit=limit)
    assert output_of(script, OPENBLAS_NUM_THREADS="1") == "True done"


def test_a_sub_interpreter_refuses_the_import() -> None:
    """It waited for ever."""
    names = ("_interpreters", "_xxsubinterpreters")
    name = next((name for name in names if importlib.util.find_spec(name)), None)
    if name is None:
        pytest.skip("this Python has no sub-interpreters")
    script = f"""
import sys, {name} as interpreters
code = '''
import sys
sys.path[:] = {{!r}}
try:
    import cnnx
except ImportError as error:
    print(error, flush=True)
'''
interpreters.run_string(interpreters.create(), code.format(sys.path))
import cnnx
"""
    assert output_of(script).startswith("cnnx cannot be imported in a sub-interpreter; import it")
