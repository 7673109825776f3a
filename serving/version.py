"""Which version of Keepwell this is, installed or unpacked from a Bento."""

import tomllib
from importlib import metadata
from pathlib import Path


def product_version() -> str:
    """Give the version: that of the installed package, else that of the source beside this."""
    try:
        return metadata.version("keepwell")
    except metadata.PackageNotFoundError:
        project = Path(__file__).parents[1] / "pyproject.toml"
        return str(tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"])
