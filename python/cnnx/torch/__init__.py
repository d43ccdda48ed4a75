"""Weights and batches between cnnx and PyTorch."""

from cnnx.torch.loader import batches
from cnnx.torch.state import load_weights, state_dict

__all__ = ["batches", "load_weights", "state_dict"]
