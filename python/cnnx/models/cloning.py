"""Copies of a model's architecture."""

from cnnx.models.sequential import Sequential


def clone_model(model: Sequential) -> Sequential:
    """
    Return a model of the same layers with fresh weights.

    It is not compiled yet. `copy.deepcopy(model)` copies the weights and settings as well.

    Parameters
    ----------
    model
        Stays as it is.

    Raises
    ------
    TypeError
        If it is no `Sequential`.
    """
    if not isinstance(model, Sequential):
        raise TypeError(f"clone_model: expected a Sequential model, got {model!r}")
    return type(model).from_config(model.get_config())
