"""Figures that appear in notebooks and with `plt.show()`."""

from __future__ import annotations

import io
import sys
import threading

from matplotlib.figure import Figure

from cnnx.notebook import in_notebook

_DPI = 100


class ShownFigure(Figure):
    """A figure that a notebook shows as a picture, once, when it is the result of a cell."""

    def _ipython_display_(self) -> None:
        if not in_notebook():
            raise NotImplementedError  # IPython then prints the figure's repr
        display = sys.modules["IPython"].display
        pyplot = sys.modules.get("matplotlib.pyplot")
        if pyplot is not None:
            pyplot.close(self)  # at the end of the cell it would show the figure a second time
        picture = io.BytesIO()
        self.savefig(picture, dpi=_DPI, bbox_inches="tight", format="png")
        display.display(display.Image(picture.getvalue()))


def new_figure(width: float, height: float) -> Figure:
    """
    Return an empty figure of so many inches.

    If the program has imported pyplot, the figure is one of pyplot's, which `plt.show()` shows.
    Otherwise nothing global is touched. Figures of other threads stay apart as well: windows
    belong to the main thread.
    """
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is None or threading.current_thread() is not threading.main_thread():
        return ShownFigure(figsize=(width, height), layout="constrained")
    figure: Figure = pyplot.figure(
        figsize=(width, height), layout="constrained", FigureClass=ShownFigure
    )
    return figure
