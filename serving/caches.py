"""Where compiled code and fonts are kept when the program itself lies where nobody may write."""

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

CACHE = ".cache"
"""The folder below a home; it can be deleted at any time, and is in no backup."""

_PROGRAM = Path(__file__).parents[1]
BUILT = ".numba"
"""The folder beside the program in which an image has compiled code ready."""


def place_caches(home: Path, *, program: Path = _PROGRAM) -> None:
    """Keep them in the home, if not beside the source; call it before numba is imported.

    In a container the root file system is read-only and there may be no home directory of the
    user. What an image has ready is copied, so that the first start need not compile. What the
    environment says already stays.
    """
    beside = program / "features" / "__pycache__"
    if os.access(beside if beside.exists() else beside.parent, os.W_OK):
        return
    compiled = home / CACHE / "numba"
    with suppress(OSError):  # a home that cannot be written yet: numba itself says so
        _copy_once(program / BUILT, compiled)
    os.environ.setdefault("NUMBA_CACHE_DIR", str(compiled))
    os.environ.setdefault("MPLCONFIGDIR", str(home / CACHE / "matplotlib"))


def _copy_once(source: Path, target: Path) -> None:
    """Copy a folder to where there is none; several processes may do so at once."""
    if target.exists() or not source.is_dir():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as aside:
        shutil.copytree(source, Path(aside) / target.name)
        (Path(aside) / target.name).replace(target)
