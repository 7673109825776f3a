"""LightGBM without the packages it looks for and does not need to predict.

It imports scikit-learn, pandas and what they bring where they are installed: seconds of starting
and a hundred megabytes in every process that only scores.
"""

import sys
from importlib import import_module

_LOOKED_FOR = ("sklearn", "pandas", "dask", "matplotlib", "pyarrow")


def import_alone() -> None:
    """Import LightGBM as if those packages were not installed; they can be imported afterwards.

    Does nothing where LightGBM is loaded already. A process that trains, or hands over frames,
    imports it the usual way.
    """
    if "lightgbm" in sys.modules:
        return
    hidden = [name for name in _LOOKED_FOR if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        import_module("lightgbm")
    finally:
        for name in hidden:
            del sys.modules[name]
