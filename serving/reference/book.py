"""Which page of the reference lies where under `docs/`."""

from collections.abc import Mapping

from serving import settings_table
from serving.reference import commands, features, measures
from serving.reference.api import pages as api_pages
from serving.reference.pages import page as staff_page
from serving.reference.python import page as python_page


def pages() -> Mapping[str, str]:
    """Give the text of every page that is written from the code, by its path under `docs/`."""
    return {
        "commands.md": commands.page(),
        "settings.md": settings_table.page(),
        "reference/features.md": features.page(),
        "reference/measures.md": measures.page(),
        "reference/pages.md": staff_page(),
        "reference/python.md": python_page(),
        **{f"reference/{name}": text for name, text in api_pages().items()},
    }
