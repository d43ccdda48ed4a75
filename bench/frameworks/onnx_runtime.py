"""The networks in ONNX Runtime."""

import onnxruntime

from bench.frameworks import Step, onnx_graph
from bench.networks import Array, Network, NetworkFile, Weights


class OnnxRuntime:
    def __init__(self, threads: int) -> None:
        self._options = onnxruntime.SessionOptions()
        self._options.intra_op_num_threads = threads
        self._options.inter_op_num_threads = 1

    def version(self) -> str:
        return str(onnxruntime.__version__)

    def inference_step(self, network: Network, weights: list[Weights], x: Array) -> Step:
        session = self._session(onnx_graph.build_graph(network, weights, len(x)))
        feed = {onnx_graph.INPUT: onnx_graph.images(x)}
        return lambda: onnx_graph.channels_last(session.run(None, feed)[0])

    def file_step(self, file: NetworkFile, x: Array) -> Step:
        session = self._session(str(file.path))
        return lambda: session.run(None, {file.input_name: x})[0]

    def _session(self, model: bytes | str) -> onnxruntime.InferenceSession:
        providers = ["CPUExecutionProvider"]
        return onnxruntime.InferenceSession(model, self._options, providers=providers)
