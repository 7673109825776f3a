"""Everyone whom a model can score now, as figures over people need them: no answer, no decision.

Only people who permit being scored are read, and only what they permit of each feature.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from features.definitions import FeatureDefinition
from features.history import Histories, customer_ids, read_all
from features.kernel import compute
from features.labels import Target, label
from features.links import contributors
from governance.instants import to_micros
from governance.proof import Permit
from serving.bootstrap import Keepwell
from serving.scoring.champions import Champion

SAMPLE_PEOPLE = 50_000


class ScoredNow(NamedTuple):
    """People who can be scored now, n in all.

    `values` (n, k): features in the order of the model's columns; `probability` (n,). `unseen`: by
    category feature, who has a value that training did not know (n,). `permits` by purpose.
    """

    customers: NDArray[np.object_]
    values: NDArray[np.float64]
    probability: NDArray[np.float64]
    unseen: Mapping[str, NDArray[np.bool_]]
    permits: Mapping[str, Permit]

    def without(self, gone: frozenset[str]) -> "ScoredNow":
        """Leave these people out."""
        stays = np.array([each not in gone for each in self.customers], np.bool_)
        return self._replace(
            customers=self.customers[stays],
            values=self.values[stays],
            probability=self.probability[stays],
            unseen={name: flags[stays] for name, flags in self.unseen.items()},
        )


def score_now(
    keepwell: Keepwell,
    conn: Connection,
    target: Target,
    champion: Champion,
    as_of: datetime,
    *,
    now: datetime,
) -> ScoredNow:
    """Compute features and scores of everyone who permits it and can be asked about at `as_of`.

    Of more than `SAMPLE_PEOPLE` customers a sample at random, always the same for one model.
    """
    registry, instant = keepwell.registry, to_micros(as_of)
    everyone = customer_ids(conn)
    if len(everyone) > SAMPLE_PEOPLE:
        random = np.random.default_rng(int(champion.model.digest[:8], 16))
        chosen = np.sort(random.choice(len(everyone), SAMPLE_PEOPLE, replace=False))
        everyone = [everyone[place] for place in chosen.tolist()]
    others = frozenset().union(*contributors(conn, everyone).values()).difference(everyone)
    people = {*everyone, *others}
    permit, _ = registry.permit_many(conn, target.purpose, people, now=now)
    permits = {target.purpose: permit}
    for purpose in champion.purposes:
        permits[purpose], _ = registry.permit_many(conn, purpose, permit.customers, now=now)
    histories = read_all(conn, keepwell.store, permit, digests=False)
    table = compute(
        histories, champion.plan, [instant], permits=permits, functions=champion.functions
    )
    asked = np.array([str(each) not in others for each in histories.customers], np.bool_)
    asked &= ~histories.is_away(instant)
    if target.kind != "given":
        told = label(histories, target, instant, observed_until=instant, permits=permits)
        asked &= told.eligible
    stays = asked[table.customer_index] if len(table) else np.zeros(0, np.bool_)
    values = np.ascontiguousarray(table.values[stays])
    probability = champion.model.predict(values).probability if stays.any() else np.zeros(0)
    unseen = categories_told(histories, champion.definitions, instant, permits)
    place = table.customer_index[stays]
    return ScoredNow(
        table.customers[stays],
        values,
        probability,
        {name: flags[place] & np.isnan(_column(champion, values, name)) for name, flags in unseen},
        permits,
    )


def categories_told(
    histories: Histories,
    definitions: tuple[FeatureDefinition, ...],
    instant: int,
    permits: Mapping[str, Permit],
) -> list[tuple[str, NDArray[np.bool_]]]:
    """Say who has a value at all, whichever, for each feature that is a category (m,).

    Where such a feature is missing all the same, the value is one that training did not know.
    """
    coded = [
        each
        for each in definitions
        if each.aggregate == "category" and (each.column or "").startswith("property:")
    ]
    if not coded:
        return []
    any_value = [replace(each, aggregate="distinct", categories=(), empty=0.0) for each in coded]
    table = compute(histories, any_value, [instant], permits=permits)
    found = []
    for place, each in enumerate(coded):
        has = np.zeros(len(histories), np.bool_)
        has[table.customer_index] = table.values[:, place] >= 1
        found.append((each.name, has))
    return found


def _column(champion: Champion, values: NDArray[np.float64], name: str) -> NDArray[np.float64]:
    return values[:, champion.model.names.index(name)]
