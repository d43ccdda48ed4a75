"""Models: layers put together, trained and used."""

from typing import TYPE_CHECKING, Any

from cnnx.models.cloning import clone_model
from cnnx.models.model import Model
from cnnx.models.sequential import Sequential

if TYPE_CHECKING:
    from cnnx.saving import load_model, save_model

__all__ = ["Model", "Sequential", "clone_model", "load_model", "save_model"]


def __getattr__(name: str) -> Any:
    if name in ("load_model", "save_model"):
        from cnnx import saving  # imports safetensors

        return getattr(saving, name)
    raise AttributeError(f"module 'cnnx.models' has no attribute {name!r}")
