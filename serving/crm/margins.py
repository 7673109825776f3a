"""What each customer is worth a year, by figures somebody stated, or by what they last spent."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np
from sqlalchemy import Connection

from features.batch import feature_tables
from features.history import customer_ids, read_ranges, read_sample
from governance.errors import ConfigurationError
from governance.instants import to_micros
from governance.proof import Permit
from serving.bootstrap import Keepwell

_YEAR = timedelta(days=365)


class Margins(NamedTuple):
    """The margin of each customer: the same for `everyone`, or as `own` has it.

    `assumption` says in words where the figures come from.
    """

    everyone: float | None
    own: Mapping[str, float]
    assumption: str

    def of(self, customer_id: str) -> float:
        """Give one customer's margin; 0 where nothing is known of any."""
        return self.own.get(customer_id, 0.0) if self.everyone is None else self.everyone


def margins_of(
    keepwell: Keepwell,
    conn: Connection,
    *,
    purpose: str,
    stated: float | None,
    as_of: datetime,
    now: datetime,
) -> Margins:
    """Take the margin that was `stated`, else that of `[costs]`, else the past year's net sales.

    Histories are read for `purpose`, of those who permit it. Raises `ConfigurationError` where
    `[costs]` names a feature this home does not have.
    """
    currency, costs = keepwell.settings.currency, keepwell.settings.costs
    if stated is not None:
        return Margins(stated, {}, f"{stated:,.2f} {currency} a year per customer, as stated")
    if costs is not None and costs.margin is not None:
        source = costs.sources.get("margin")
        by = f" ({source})" if source else ""
        return Margins(costs.margin, {}, f"{costs.margin:,.2f} {currency} per customer{by}")
    people = customer_ids(conn)
    permit, _ = keepwell.registry.permit_many(conn, purpose, people, now=now)
    if costs is not None:
        own = _from_feature(keepwell, conn, permit, costs.margin_feature, as_of, now)
        scaled = {who: max(value, 0.0) * costs.margin_share for who, value in own.items()}
        words = f"{costs.margin_share:g} × {costs.margin_feature} of each customer"
        return Margins(None, scaled, words)
    return Margins(
        None,
        _net_sales(keepwell, conn, permit, as_of),
        "each customer's own orders less returns of the past 365 days: sales, not margin, and no "
        "promise of the next year; state [costs], or --margin, for your own figure",
    )


def _net_sales(
    keepwell: Keepwell, conn: Connection, permit: Permit, as_of: datetime
) -> dict[str, float]:
    until, since = to_micros(as_of), to_micros(as_of - _YEAR)
    found: dict[str, float] = {}
    for histories in read_ranges(conn, keepwell.store, permit):
        recent = histories.visible(until) & (histories.occurred_at >= since)
        value = np.nan_to_num(histories.value)
        signed = np.where(histories.kind_mask("order"), value, 0.0)
        signed = signed - np.where(histories.kind_mask("return"), np.abs(value), 0.0)
        sums = np.bincount(
            histories.customer_of_event[recent], signed[recent], minlength=len(histories)
        )
        found.update(
            (str(who), max(float(value), 0.0))
            for who, value in zip(histories.customers, sums, strict=True)
        )
    return found


def _from_feature(
    keepwell: Keepwell, conn: Connection, permit: Permit, name: str, as_of: datetime, now: datetime
) -> dict[str, float]:
    sample = read_sample(conn, keepwell.store, permit)
    chosen = tuple(
        each for each in keepwell.features.definitions(sample, sample=True) if each.name == name
    )
    if not chosen:
        raise ConfigurationError(
            [f"margin_feature of [costs] names {name!r}, which is no feature of this home"],
            source="keepwell.toml",
            hint="`keepwell features list` names them; or state margin",
        )
    permits = {permit.purpose: permit} | {
        purpose: keepwell.registry.permit_many(conn, purpose, permit.customers, now=now)[0]
        for purpose in chosen[0].purposes
        if purpose != permit.purpose
    }
    tables = feature_tables(
        read_ranges(conn, keepwell.store, permit),
        chosen,
        [to_micros(as_of)],
        permits=permits,
        functions=keepwell.features.functions(chosen),
    )
    return {
        str(who): float(np.nan_to_num(value))
        for table in tables
        for who, value in zip(table.customers, table.values[:, 0], strict=True)
    }
