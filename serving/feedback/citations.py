"""Which changes the company shipped because of an item: release events that cite it."""

from datetime import datetime

import numpy as np
from sqlalchemy import Connection

from features.history import read_company
from governance.instants import to_micros
from serving.bootstrap import Keepwell


def releases_citing(keepwell: Keepwell, conn: Connection, item_id: str, *, now: datetime) -> int:
    """Count the releases that name this item as their `feedback`, alone or among others.

    The measure `innovation_rate` counts the same events per quarter.
    """
    company = read_company(conn, keepwell.store)
    rows = np.flatnonzero(company.kind_mask("release") & company.visible(to_micros(now)))
    count = 0
    for row in rows:
        cited = company.properties_at(int(row)).get("feedback")
        count += item_id in (cited if isinstance(cited, list) else [cited])
    return count
