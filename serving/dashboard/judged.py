"""The figures of models: how well they tell people apart, whether chances hold, what has moved."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, select

from governance.disclosure.small_cells import hidden_cells
from governance.model.card import ModelFacts
from governance.review.candidates import find_model
from governance.review.reviews import champion
from serving.bootstrap import Keepwell
from serving.dashboard.figure import FEW, Cell, Column, Figure
from serving.tables import model_monitoring

_MODEL = (
    Column("row", "Model"),
    Column("value", "Value"),
    Column("low", "95 % from"),
    Column("high", "to"),
    Column("people", "People in its test"),
)
_BINS = (
    Column("row", "Model"),
    Column("x", "Chance told"),
    Column("value", "Share to whom it happened"),
    Column("low", "95 % from"),
    Column("high", "to"),
    Column("people", "People"),
)
_MOVED = (
    Column("start", "Look"),
    Column("row", "Model"),
    Column("value", "Moved"),
    Column("low", "95 % from"),
    Column("high", "to"),
    Column("people", "People"),
)
_NO_MODEL = "no model is approved: train one, and have it reviewed"
_LOOKS = 60


class Serving(NamedTuple):
    """A model that serves a target now, and the facts its audit rests on."""

    target: str
    digest: str
    facts: ModelFacts


def judged(
    keepwell: Keepwell, conn: Connection, *, min_people: int, now: datetime
) -> tuple[Figure, ...]:
    """Tell of every model that may serve now: its test, its calibration, what watching found."""
    found = []
    for target in sorted(keepwell.targets):
        approval = champion(conn, target, now=now)
        if approval is not None:
            facts = find_model(conn, approval.model_digest).facts
            found.append(Serving(target, approval.model_digest, facts))
    note = "" if found else _NO_MODEL
    looks = [cell for each in found for cell in _looks(conn, each)]
    return (
        Figure(
            name="discrimination",
            layer="research",
            title="How well models tell people apart",
            unit="score",
            shape="headline",
            about="AUC on people the model had not seen: how often, of one who left and one who "
            "stayed, the one who left had the higher score; 0.5 is chance",
            columns=_MODEL,
            cells=tuple(_test(each, "auc") for each in found),
            scale="0.5 to 1",
            note=note,
            goal="up",
        ),
        Figure(
            name="calibration_error",
            layer="research",
            title="How far estimates are off",
            unit="share",
            shape="headline",
            about="expected calibration error on people the model had not seen: mean distance of "
            "estimates from what happened",
            columns=_MODEL,
            cells=tuple(_test(each, "ece") for each in found),
            note=note,
            goal="down",
        ),
        Figure(
            name="calibration",
            layer="research",
            title="Do estimates hold?",
            unit="share",
            shape="calibration",
            about="of people whom the model's test told about the same chance, the share to whom "
            "it happened, with its interval; on the diagonal chances hold exactly",
            columns=_BINS,
            cells=tuple(cell for each in found for cell in _bins(each, min_people)),
            note=note,
        ),
        Figure(
            name="drift",
            layer="research",
            title="How far scores have moved since training",
            unit="score",
            shape="trend",
            about="population stability index of scores now against the test's, look by look; "
            "below 0.1 steady, above 0.25 another population",
            columns=_MOVED,
            cells=tuple(looks),
            scale="PSI, 0 and up",
            note=note if looks else note or "no look at the models was taken yet: keepwell monitor",
            goal="down",
        ),
    )


def _test(model: Serving, name: str) -> Cell:
    test = model.facts.test
    found = test.auc if name == "auc" else test.interval(name)
    return Cell(
        row=model.target,
        value=found.value,
        low=found.low,
        high=found.high,
        people=test.n,
        note=f"as tested on {test.as_of:%Y-%m-%d}",
    )


def _bins(model: Serving, min_people: int) -> list[Cell]:
    sizes = {str(k): each.n for k, each in enumerate(model.facts.reliability)}
    hidden = hidden_cells(sizes, min_people)
    return [
        Cell(row=model.target, x=each.predicted, note=FEW, hidden=True)
        if str(k) in hidden
        else Cell(
            row=model.target,
            x=each.predicted,
            value=each.observed.value,
            low=each.observed.low,
            high=each.observed.high,
            people=each.n,
        )
        for k, each in enumerate(model.facts.reliability)
        if each.n
    ]


def _looks(conn: Connection, model: Serving) -> list[Cell]:
    asked = {"target": model.target, "digest": model.digest, "most": _LOOKS}
    rows = conn.execute(_WATCHED, asked).all()
    return [_look(model.target, row.monitored_at, json.loads(row.result)) for row in reversed(rows)]


def _look(target: str, at: datetime, found: Mapping[str, Any]) -> Cell:
    day, after = f"{at:%Y-%m-%d}", f"{at + timedelta(days=1):%Y-%m-%d}"
    place = Cell(row=target, period=day, start=day, end=after)
    psi = ((found["drift"] or {}).get("scores") or {}).get("psi")
    if psi is None:
        return place._replace(note="cannot say: too few people, or nothing to compare with")
    return place._replace(
        value=psi["value"], low=psi["low"], high=psi["high"], people=found["people"],
        note=found["status"],
    )  # fmt: skip


_WATCHED = (
    select(model_monitoring.c.monitored_at, model_monitoring.c.result)
    .where(model_monitoring.c.target == bindparam("target"))
    .where(model_monitoring.c.model_digest == bindparam("digest"))
    .order_by(model_monitoring.c.monitored_at.desc())
    .limit(bindparam("most"))
)
