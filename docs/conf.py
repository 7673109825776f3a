"""How the documentation becomes a site: `make site`. It asks nothing of any other place when read.

Pages are Markdown that reads as it stands. Three files of the checkout that belong to the reader
but lie outside `docs/` are pages of the site as well, and links to them lead there.
"""

import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from serving.version import product_version  # noqa: E402

project = "Keepwell"
copyright = "the authors of Keepwell. Apache-2.0"
version = release = product_version()
language = "en"

extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["site"]
myst_heading_anchors = 3
nitpicky = True

html_theme = "furo"
html_title = "Keepwell"
html_static_path = ["site"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False

OUTSIDE = {
    "CHANGELOG.md": "project/changes.md",
    "SECURITY.md": "project/security-policy.md",
    "benchmarks/README.md": "project/benchmarks.md",
}
"""Files beside `docs/` that are pages of the site."""


def lead_inside(app: Any, page: str, source: list[str]) -> None:
    """Let links to files beside `docs/` lead to their pages; the Markdown stays as it is."""
    up = "../" * page.count("/")
    for file, inside in OUTSIDE.items():
        source[0] = re.sub(rf"\]\({up}\.\./{re.escape(file)}", f"]({up}{inside}", source[0])


def setup(app: Any) -> None:
    """Join what this file adds to the build."""
    app.connect("source-read", lead_inside)
