"""Who permits training today and who is missing, so that no two reports tell of a few people."""

from datetime import datetime

import numpy as np

from features.groups import protected
from features.history import customer_ids
from governance.audit.provenance import Coverage, coverage_by_group
from governance.disclosure.breakdown import ALL
from governance.disclosure.counts import Counts
from governance.disclosure.published import Register, load_register
from governance.intervals import wilson
from serving.bootstrap import Keepwell
from serving.permission.coverage import read_coverage
from serving.published import give, person_key

_NAME = "training permission by group"


def permission_today(keepwell: Keepwell, *, now: datetime) -> dict[str, int | None]:
    """Count who permits training as `permitted` and `refused:<reason>`; None is not shown."""
    found = read_coverage(keepwell, now=now)
    line = next(each for each in found.purposes if each.purpose == "model_training")
    refused = {f"refused:{reason}": n for reason, n in line.refused.items()}
    return {"permitted": line.permitted, **refused}


def training_coverage(keepwell: Keepwell, *, now: datetime) -> tuple[tuple[Coverage, ...], str]:
    """Count who permits training by group, of those who permit the fairness audit.

    A count that changed by fewer people than may be told of stays as it was last given. Without
    rows the text says why.
    """

    def work_out() -> tuple[tuple[tuple[Coverage, ...], str], Register]:
        with keepwell.database.read() as conn:
            people = customer_ids(conn)
            audited, _ = keepwell.registry.permit_many(conn, "fairness_audit", people, now=now)
            if not audited.customers:
                return ((), "nobody permits the fairness audit"), Register()
            known = protected(conn, audited)
            if not known:
                return ((), "no protected attributes are held"), Register()
            training, _ = keepwell.registry.permit_many(conn, "model_training", people, now=now)
            limit = keepwell.registry.aggregate_permit(conn, "fairness_audit", now=now).min_people
            register = load_register(conn, min_people=limit)
        asked = sorted(audited.customers)
        counts = Counts(register, asked, person_key(keepwell), _NAME)
        permits = np.array([each in training.customers for each in asked], np.bool_)
        rows = []
        for row in coverage_by_group(known, asked, training.customers, min_people=limit):
            groups = known[row.attribute]
            inside = np.array([groups.get(each) == row.group for each in asked], np.bool_)
            cell = f"{row.attribute}: {row.group}"
            yes = no = None
            if row.permitted is not None:
                cells = {("permitted", 0): inside & permits, ("missing", 0): inside & ~permits}
                told = counts.of(cell, cells | {(ALL, 0): inside})
                yes, no = told["permitted", 0], told["missing", 0]
            if yes is None or no is None:
                rows.append(Coverage(row.attribute, row.group, None, None, None))
            else:
                rows.append(Coverage(row.attribute, row.group, yes, no, wilson(yes, yes + no)))
        return (tuple(rows), ""), register

    return give(keepwell, work_out, now=now)
