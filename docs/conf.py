"""The site: `sphinx-build -W docs build/site`."""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(Path(__file__).parent / "extensions"))

with open(ROOT / "pyproject.toml", "rb") as file:
    _project = tomllib.load(file)["project"]

project = "cnnx"
author = copyright = _project["authors"][0]["name"]
version = release = _project["version"]

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "mathml",
    "repository_pages",
]
exclude_patterns = ["extensions"]
html_theme = "furo"
html_title = f"cnnx {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_math_renderer = "mathml"
default_role = "code"  # as in Markdown

# Markdown and notebooks.
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 4
nb_execution_mode = "force"
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_timeout = 120
nb_merge_streams = True

# The reference, from docstrings.
autodoc_member_order = "groupwise"
autodoc_typehints = "signature"
autodoc_mock_imports = ["mpi4py", "sklearn", "torch", "onnx"]  # what need not be installed for it
napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False

# The texts of the repository that are pages too.
repository_url = _project["urls"]["Homepage"]
repository_pages = {
    "CONTRIBUTING.md": "contributing",
    "SECURITY.md": "security",
    "CHANGELOG.md": "changelog",
    "bench/README.md": "performance",
    "cpp/README.md": "core",
}

# `sphinx-build -b linkcheck docs build/links` follows the links that leave the site.
linkcheck_ignore = [rf"{repository_url}.*", "http://localhost.*"]
linkcheck_anchors = False


def setup(app):
    """Let the stars, bars and underscores of docstrings stand for themselves."""
    star = re.compile(r"(?<![`*\w])(\*{1,2})(?=\w)")

    def process(app, what, name, item, options, lines):
        lines[:] = [re.sub(r"\|(?=\w)", r"\\|", star.sub(r"\\\1", line)) for line in lines]
        lines[:] = [re.sub(r"(?<=\w)_(?![\w`])", r"\\_", line) for line in lines]

    app.connect("autodoc-process-docstring", process, priority=400)  # before napoleon
