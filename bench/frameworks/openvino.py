"""The networks in OpenVINO."""

import openvino

from bench.frameworks import Step, onnx_graph
from bench.networks import Array, Network, Weights


class OpenVino:
    def __init__(self, threads: int) -> None:
        self._core = openvino.Core()
        self._settings = {
            "INFERENCE_NUM_THREADS": threads,
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "f32",  # else bfloat16 where the processor has it
        }

    def version(self) -> str:
        return str(openvino.__version__).partition("-")[0]

    def inference_step(self, network: Network, weights: list[Weights], x: Array) -> Step:
        model = self._core.read_model(onnx_graph.build_graph(network, weights, len(x)))
        request = self._core.compile_model(model, "CPU", self._settings).create_infer_request()
        feed = {onnx_graph.INPUT: onnx_graph.images(x)}
        return lambda: onnx_graph.channels_last(
            request.infer(feed, share_inputs=True, share_outputs=True)[0]
        )
