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
html_favicon = "../serving/pages/static/mark.svg"
html_theme_options = {
    "light_css_variables": {
        "font-stack": 'system-ui, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif',
        "color-brand-primary": "#2a6659",
        "color-brand-content": "#2a6659",
        "color-brand-visited": "#2a6659",
        "color-background-primary": "#fdfcf9",
        "color-background-secondary": "#f3f0e8",
        "color-foreground-muted": "#5a636a",
    },
    "dark_css_variables": {
        "color-brand-primary": "#7cc0ae",
        "color-brand-content": "#7cc0ae",
        "color-brand-visited": "#7cc0ae",
        "color-background-primary": "#171a1c",
        "color-background-secondary": "#202527",
        "color-foreground-muted": "#a9afb2",
    },
}
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


NAMED = {
    '<aside class="sidebar-drawer">': '<aside class="sidebar-drawer" aria-label="Pages">',
    '<aside class="toc-drawer': '<aside aria-label="On this page" class="toc-drawer',
    '<p class="caption" role="heading">': '<p class="caption" role="heading" aria-level="2">',
    "<pre>": '<pre tabindex="0">',
    '<div class="table-wrapper': '<div tabindex="0" class="table-wrapper',
}
"""What the theme leaves without a name, a level or a place in the order of the tabulator."""


def name_parts(app: Any, failure: Exception | None) -> None:
    """Mend in the written pages what keyboards and screen readers would stumble over."""
    for page in Path(app.outdir).rglob("*.html"):
        html = page.read_text(encoding="utf-8")
        for found, better in NAMED.items():
            html = html.replace(found, better)
        page.write_text(html, encoding="utf-8")


def setup(app: Any) -> None:
    """Join what this file adds to the build."""
    app.connect("source-read", lead_inside)
    app.connect("build-finished", name_parts)
