"""Where compiled code and fonts are kept when the program itself lies where nobody may write."""

import os
from pathlib import Path

CACHE = ".cache"
"""The folder below a home; it can be deleted at any time, and is in no backup."""

_BESIDE_THE_SOURCE = Path(__file__).parents[1] / "features" / "__pycache__"


def place_caches(home: Path) -> None:
    """Keep them in the home, if not beside the source; call it before numba is imported.

    In a container the root file system is read-only and there may be no home directory of the
    user. What the environment says already stays.
    """
    place = _BESIDE_THE_SOURCE if _BESIDE_THE_SOURCE.exists() else _BESIDE_THE_SOURCE.parent
    if os.access(place, os.W_OK):
        return
    os.environ.setdefault("NUMBA_CACHE_DIR", str(home / CACHE / "numba"))
    os.environ.setdefault("MPLCONFIGDIR", str(home / CACHE / "matplotlib"))
