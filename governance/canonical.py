"""One way to write a value as text, so that the same value always has the same digest."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from governance.errors import InvalidInput

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)


def canonical(value: Any) -> str:
    """Write JSON with sorted keys, no spaces and ASCII only; floats in their shortest exact form.

    Raises `InvalidInput` for anything JSON cannot hold exactly: NaN, infinities, instants, numpy
    scalars, keys that are not text.
    """
    _check(value)
    return _ENCODER.encode(value)


def digest(value: Any) -> str:
    """Give the sha256, in hex, of the canonical form."""
    return hashlib.sha256(canonical(value).encode("ascii")).hexdigest()


def _check(value: Any) -> None:
    kind = type(value)
    if kind is str or kind is int or kind is bool or value is None:
        return
    if kind is float:
        if value - value != 0.0:
            raise InvalidInput(
                "a number that is not finite cannot be logged", hint="write None for missing"
            )
    elif kind is list or kind is tuple:
        for item in value:
            _check(item)
    elif kind is dict or isinstance(value, Mapping):
        for key, item in value.items():
            if type(key) is not str:
                raise InvalidInput(f"a key of type {type(key).__name__} cannot be logged")
            _check(item)
    elif isinstance(value, Sequence) and not isinstance(value, (bytes, str)):
        for item in value:
            _check(item)
    else:
        raise InvalidInput(
            f"a {kind.__name__} cannot be logged",
            hint="turn it into text, a plain number, a list or a mapping first",
        )
