"""The names of `cnnx.models`."""

from typing import TYPE_CHECKING

from cnnx.models import Model, Sequential, __getattr__, clone_model

if TYPE_CHECKING:
    from cnnx.models import load_model, save_model

__all__ = ["Model", "Sequential", "clone_model", "load_model", "save_model"]
