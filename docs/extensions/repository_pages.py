"""
Texts of the repository as pages of the site, and links that are right in both.

A link to a page of the site stays within it. A link to any other file of the repository leads to
where the project lives. A link to a file that is not there is a warning, which ends the build.
"""

import os
import re
from pathlib import Path
from typing import Any

from sphinx.util import logging

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
FOLDER = DOCS / "repository"
_LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)(#[^)\s]*)?\)")


def rewritten(text: str, place: Path, page: Path, config: Any) -> str:
    """
    Return a text with links that are right on a page.

    Parameters
    ----------
    text
        Markdown.
    place
        The folder that its links start from.
    page
        The folder of the page.
    config
        Of Sphinx.
    """

    def link(match: re.Match[str]) -> str:
        target = Path(os.path.normpath(place / match[1]))
        anchor = match[2] or ""
        if not target.exists():
            logging.getLogger(__name__).warning("no file %s", match[1], location=str(place))
        inside = target.relative_to(ROOT).as_posix()
        if inside in config.repository_pages:
            target = FOLDER / f"{config.repository_pages[inside]}.md"
        elif not target.is_relative_to(DOCS) or target.is_dir():
            kind = "tree" if target.is_dir() else "blob"
            return f"]({config.repository_url}/{kind}/main/{inside}{anchor})"
        return f"]({Path(os.path.relpath(target, page)).as_posix()}{anchor})"

    return _LINK.sub(link, text)


def write_pages(app: Any) -> None:
    """Write the pages of the repository's texts."""
    FOLDER.mkdir(exist_ok=True)
    for name, page in app.config.repository_pages.items():
        source = ROOT / name
        text = rewritten(source.read_text("utf-8"), source.parent, FOLDER, app.config)
        target = FOLDER / f"{page}.md"
        if not target.exists() or target.read_text("utf-8") != text:
            target.write_text(text, "utf-8")


def rewrite_page(app: Any, name: str, source: list[str]) -> None:
    """Rewrite the links of a page that is about to be read."""
    path = Path(app.env.doc2path(name))
    if path.suffix == ".md" and path.parent != FOLDER:
        source[0] = rewritten(source[0], path.parent, path.parent, app.config)


def setup(app: Any) -> dict[str, bool]:
    """Connect both."""
    app.add_config_value("repository_url", "", "env")
    app.add_config_value("repository_pages", {}, "env")
    app.connect("config-inited", lambda app, config: write_pages(app))
    app.connect("source-read", rewrite_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
