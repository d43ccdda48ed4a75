"""The networks in ONNX Runtime."""

import onnxruntime

from bench.frameworks import Step, onnx_graph
from bench.networks import Array, Network, Weights


class OnnxRuntime:
    def __init__(self, threads: int) -> None:
        self._options = onnxruntime.SessionOptions()
        self._options.intra_op_num_threads = threads
        self._options.inter_op_num_threads = 1

    def version(self) -> str:
        return str(onnxruntime.__version__)

    def inference_step(self, network: Network, weights: list[Weights], x: Array) -> Step:
        session = onnxruntime.InferenceSession(
            onnx_graph.build_graph(network, weights, len(x)),
            self._options,
            providers=["CPUExecutionProvider"],
        )
        feed = {onnx_graph.INPUT: onnx_graph.images(x)}
        return lambda: onnx_graph.channels_last(session.run(None, feed)[0])
