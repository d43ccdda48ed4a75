"""The node tests of ONNX: what is read computes what it should, and what is not is known."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("onnx", minversion="1.23", reason="onnx 1.23 or later is not installed")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

import onnx

import cnnx
import onnx_nodes
from agreement import assert_close
from onnx_peers import by_onnxruntime

DOCUMENT = Path(__file__).parents[1] / "docs/onnx-operators.md"
CASES = {case.name: case for case in onnx_nodes.cases()}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> list[onnx_nodes.Outcome]:
    """Run all tests; a network that is read and computes something else raises."""
    folder = tmp_path_factory.mktemp("nodes")
    return [onnx_nodes.run(case, folder) for case in CASES.values()]


def test_what_is_read_computes_what_it_should(outcomes: list[onnx_nodes.Outcome]) -> None:
    assert sum(outcome.passed for outcome in outcomes) > 0.8 * len(outcomes)
    constant = {"Constant", "Shape"}  # folded: they are no outputs of a network
    assert {o.operator for o in outcomes if o.passed} == {*onnx_nodes.OPERATORS} - constant


@pytest.mark.skipif(not DOCUMENT.exists(), reason="the documents are not in this copy")
@pytest.mark.skipif(not onnx.__version__.startswith("1.23."), reason="written for onnx 1.23")
def test_the_table_of_the_documents_is_true(outcomes: list[onnx_nodes.Outcome]) -> None:
    assert onnx_nodes.table(outcomes) in DOCUMENT.read_text("utf-8")


@pytest.mark.parametrize("mode", ["linear", "cubic"])
def test_what_differs_from_a_test_is_what_onnx_runtime_computes(tmp_path: Path, mode: str) -> None:
    case = CASES[f"test_resize_downsample_scales_{mode}_align_corners"]
    path = onnx_nodes.written(case, ["X"], tmp_path)
    x = case.data_sets[0][0][0]
    assert_close(cnnx.onnx.load(path).predict(x), by_onnxruntime(path, {"X": x})[0])
