"""The networks in OpenVINO."""

import openvino

from bench.frameworks import Step, onnx_graph
from bench.networks import Array, Network, NetworkFile, Weights


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
        infer = self._inference(model, {onnx_graph.INPUT: onnx_graph.images(x)})
        return lambda: onnx_graph.channels_last(infer())

    def file_step(self, file: NetworkFile, x: Array) -> Step:
        model = self._core.read_model(file.path)
        model.reshape({file.input_name: list(x.shape)})
        return self._inference(model, {file.input_name: x})

    def _inference(self, model: openvino.Model, feed: dict[str, Array]) -> Step:
        request = self._core.compile_model(model, "CPU", self._settings).create_infer_request()
        return lambda: request.infer(feed, share_inputs=True, share_outputs=True)[0]
