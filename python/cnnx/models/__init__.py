"""Models: layers put together, trained and used."""

from cnnx.models.cloning import clone_model
from cnnx.models.model import Model
from cnnx.models.model_text import model_from_json
from cnnx.models.sequential import Sequential
from cnnx.saving import load_model, save_model

__all__ = ["Model", "Sequential", "clone_model", "load_model", "model_from_json", "save_model"]
