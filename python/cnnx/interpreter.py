"""Which interpreter of the process cnnx may be imported in: the main one."""

import importlib
from contextlib import suppress

_OF_CPYTHON = ("_interpreters", "_xxsubinterpreters")  # 3.13 and later; before


def require_main() -> None:
    """Raise ImportError in a sub-interpreter, where pybind11 and NumPy would hang."""
    for name in _OF_CPYTHON:
        with suppress(ModuleNotFoundError):
            interpreters = importlib.import_module(name)
            if interpreters.get_current() != interpreters.get_main():
                raise ImportError(
                    "cnnx cannot be imported in a sub-interpreter; import it in the main one, or "
                    "in a process of its own"
                )
            return


require_main()
