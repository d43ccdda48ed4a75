"""Losses of single outputs in the core, beside their forms in float64."""

from __future__ import annotations

import numpy as np
import pytest

from agreement import backends, check_threads, restore_backend
from cnnx import _core, losses
from cnnx.explain.loss_forms import LOSS_FORMS
from reference import f64

LARGE = (20_001, 10)  # enough for two threads
ANY = [0.0, -0.0, 1e-9, 1e-3, 0.3, 0.999, 1.0, 1.5, -0.2, -3.0, 40.0, 1e30, np.inf, -np.inf, np.nan]
FORMS: dict[str, tuple[list[float], losses.Loss]] = {
    "squared": ([], losses.MeanSquaredError()),
    "half_squared": ([], losses.HalfSquaredError()),
    "absolute": ([], losses.MeanAbsoluteError()),
    "percentage": ([], losses.MeanAbsolutePercentageError()),
    "logarithmic": ([], losses.MeanSquaredLogarithmicError()),
    "huber": ([0.4], losses.Huber(0.4)),
    "log_cosh": ([], losses.LogCosh()),
    "hinge": ([], losses.Hinge()),
    "squared_hinge": ([], losses.SquaredHinge()),
    "poisson": ([], losses.Poisson()),
    "divergence": ([], losses.KLDivergence()),
    "focal": ([1.5, 0.3, 0.7], losses.BinaryFocalCrossentropy(True, 0.3, 1.5)),
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy's, of infinity and NaN
@pytest.mark.parametrize("name", FORMS)
def test_any_output_gives_what_float64_gives(name: str) -> None:
    """Infinite and NaN values and losses too, where float32 does not overflow."""
    parameters, loss = FORMS[name]
    shares = name in ("divergence", "focal")
    targets = [t for t in ANY if 0 <= t <= 1] if shares else ANY
    if name == "poisson":
        targets = [t for t in ANY if not 1e20 < abs(t) < np.inf]  # they show the rounding of y
    y, t = (np.ravel(part).astype(np.float32)[:, None] for part in np.meshgrid(ANY, targets))
    wanted = np.float32(LOSS_FORMS[type(loss)](loss, f64(t), f64(y)))
    found = np.empty(len(y), np.float32)
    with restore_backend():
        for backend in backends():
            backend.use()
            _core.elementwise_loss_forward(name, parameters, True, y, t, found)
            np.testing.assert_allclose(found, wanted, 2e-6, 1e-7, err_msg=str(backend))


@pytest.mark.parametrize("name", FORMS)
def test_small_errors_lose_no_digits(name: str) -> None:
    parameters, loss = FORMS[name]
    rng = np.random.default_rng(2)
    t = rng.uniform(0.1, 0.9, (50, 1)).astype(np.float32)
    y = (t * (1 + rng.normal(0, 1e-4, t.shape))).astype(np.float32)
    wanted = LOSS_FORMS[type(loss)](loss, f64(t), f64(y))
    found = np.empty(len(y), np.float32)
    _core.elementwise_loss_forward(name, parameters, True, y, t, found)
    np.testing.assert_allclose(found, wanted, 1e-5)


@pytest.mark.parametrize("name", FORMS)
def test_any_number_of_threads_gives_the_same_bits(name: str) -> None:
    rng = np.random.default_rng(3)
    t, y = (rng.random(LARGE, np.float32) for _ in range(2))
    what = {"loss": name, "parameters": FORMS[name][0], "mean": False}
    given = {**what, "outputs": y, "targets": t}
    check_threads(_core.elementwise_loss_forward, given, {"losses": LARGE[:1]})
    given |= {"sample_weights": t[:, 0].copy(), "scale": 0.5}
    check_threads(_core.elementwise_loss_backward, given, {"diff_outputs": LARGE})


@pytest.mark.parametrize(
    ("loss", "parameters", "words"),
    [
        ("nonsense", [], "loss must be the name of one, got 'nonsense'"),
        ("huber", [], "parameters of 'huber' must be 1 numbers"),
        ("squared", [1.0], "parameters of 'squared' must be 0 numbers"),
    ],
)
def test_what_is_no_loss(loss: str, parameters: list[float], words: str) -> None:
    one = np.zeros((1, 1), np.float32)
    with pytest.raises(ValueError, match=f"elementwise_loss_forward: {words}"):
        _core.elementwise_loss_forward(loss, parameters, True, one, one, one[0])
