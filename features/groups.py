"""Groups of people, for the fairness audit alone: protected attributes, kept apart.

Whoever reads them holds a permit for `fairness_audit`; no feature, bundle, metric or log does.
"""

import re
from collections.abc import Mapping

import numpy as np
from sqlalchemy import Connection, select

from features.tables import protected_attributes
from governance.proof import Permit

MOST_VALUES = 12
"""An attribute that is a number or a date and has more values than this is told in bands."""

_MOST_BANDS = 10
_NICE = (1, 2, 5, 10)
_DATE = re.compile(r"(\d{4})-\d{2}-\d{2}")


def protected_names(conn: Connection) -> frozenset[str]:
    """Name the protected attributes there are; tells of nobody."""
    return frozenset(conn.execute(select(protected_attributes.c.name).distinct()).scalars())


def protected(conn: Connection, permit: Permit) -> Mapping[str, Mapping[str, str]]:
    """Bring in protected attributes: attribute to customer to value, of those permitted only.

    For the fairness audit alone: raises `PermissionRefused` unless `permit` is for
    `fairness_audit`. Who has no value for an attribute is absent. Ages, dates of birth and other
    numbers with many values come in bands: a group is made of people, not of one birthday.
    """
    permit.require("fairness_audit")
    customers = permit.customers
    attributes = protected_attributes.c
    query = select(attributes.name, attributes.customer_id, attributes.value)
    found: dict[str, dict[str, str]] = {}
    for name, customer_id, value in conn.execute(query.order_by(attributes.name)):
        if customer_id in customers:
            found.setdefault(name, {})[customer_id] = value
    return {name: banded(values) for name, values in found.items()}


def banded(values: Mapping[str, str]) -> Mapping[str, str]:
    """Give person to group; more than 12 different numbers or dates (by year) fall into bands.

    At most about ten bands of a round width over the middle 98 % of people, open at both ends:
    "19 or less", "20 to 29", …, "80 or more". Anything else stays as it is.
    """
    if len(set(values.values())) <= MOST_VALUES:
        return values
    numbers = {person: _number(value) for person, value in values.items()}
    known = np.array([number for number in numbers.values() if number is not None])
    if len(known) < len(numbers) or not np.isfinite(known).all():
        return values
    low, high = np.quantile(known, [0.01, 0.99])
    width = _width(float(high - low))
    first, last = _place(float(low), width), _place(float(high), width)
    whole = bool((known == np.floor(known)).all()) and width >= 1
    return {
        person: _band(min(max(_place(number, width), first), last), first, last, width, whole)
        for person, number in numbers.items()
        if number is not None
    }


def _number(value: str) -> float | None:
    date = _DATE.match(value)
    try:
        return float(date[1] if date else value)
    except ValueError:
        return None


def _width(reach: float) -> float:
    """The smallest of 1, 2, 5 and their tens that needs no more than ten bands."""
    if reach <= 0:
        return 1.0
    unit = 10.0 ** np.floor(np.log10(reach / _MOST_BANDS))
    return float(next(n * unit for n in _NICE if n * unit * _MOST_BANDS >= reach))


def _place(number: float, width: float) -> int:
    return int(np.floor(round(number / width, 9)))  # 0.3 is three tenths, not a little less


def _band(place: int, first: int, last: int, width: float, whole: bool) -> str:
    begin, end = place * width, (place + 1) * width
    if place == last:
        return f"{begin:g} or more"
    if place == first:
        return f"{end - 1:g} or less" if whole else f"under {end:g}"
    return f"{begin:g} to {end - 1:g}" if whole else f"{begin:g} to under {end:g}"
