"""One way to write a value as text, so that the same value always has the same digest."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from governance.errors import InvalidInput

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)
_PLAIN = frozenset({str, int, bool, type(None)})


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
    if kind in _PLAIN:
        return
    if kind is float:
        if value - value != 0.0:
            raise InvalidInput(
                "a number that is not finite cannot be logged", hint="write None for missing"
            )
    elif kind is dict or isinstance(value, Mapping):
        for key in value:
            if type(key) is not str:
                raise InvalidInput(f"a key of type {type(key).__name__} cannot be logged")
        _check_each(value.values())
    elif isinstance(value, Sequence) and not isinstance(value, (bytes, str)):
        _check_each(value)
    else:
        raise InvalidInput(
            f"a {kind.__name__} cannot be logged",
            hint="turn it into text, a plain number, a list or a mapping first",
        )


def _check_each(values: Iterable[Any]) -> None:
    for each in values:
        kind = type(each)
        if not (kind in _PLAIN or (kind is float and each - each == 0.0)):
            _check(each)
