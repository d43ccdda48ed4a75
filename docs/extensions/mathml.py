"""Equations as MathML, which browsers set without a script or a download."""

from typing import Any

from docutils import nodes
from latex2mathml.converter import convert


def visit_math(translator: Any, node: nodes.math) -> None:
    """Write an equation within a line."""
    translator.body.append(convert(node.astext()))
    raise nodes.SkipNode


def visit_displayed(translator: Any, node: nodes.math_block) -> None:
    """Write an equation on lines of its own."""
    rows = [part for part in node.astext().split("\n\n") if part.strip()]
    translator.body.append('<div class="math">')
    translator.body += [f"<p>{convert(row, display='block')}</p>" for row in rows]
    translator.body.append("</div>")
    raise nodes.SkipNode


def setup(app: Any) -> dict[str, bool]:
    """Add the renderer."""
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_displayed, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
