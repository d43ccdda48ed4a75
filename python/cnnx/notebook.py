"""What depends on whether a notebook shows the results of the program."""

from __future__ import annotations

import importlib.util
import sys


def in_notebook() -> bool:
    """Return whether the program runs in the kernel of a notebook, which shows rich results."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")


def has_widgets() -> bool:
    """Return whether a notebook can show widgets, such as the bars of tqdm.notebook."""
    return importlib.util.find_spec("ipywidgets") is not None
