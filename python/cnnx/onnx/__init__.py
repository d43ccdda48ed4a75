"""Networks from ONNX files, and into them: `pip install "cnnx[onnx]"`."""

from cnnx.onnx.reading import load
from cnnx.onnx.writing import save

__all__ = ["load", "save"]
