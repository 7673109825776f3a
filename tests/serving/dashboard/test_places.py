"""Each number of a look has one place, and a place in time where notes can stand."""

from datetime import UTC, datetime

import pytest

from features.wellbeing.groups import EVERYONE, Figure, Span
from features.wellbeing.noise import Noise
from governance.instants import to_micros
from governance.intervals import Interval
from serving.bootstrap import Keepwell
from serving.dashboard import faring as module
from serving.dashboard.faring import faring
from serving.dashboard.judged import _look
from serving.wellbeing import CompanyWellbeing
from serving.wellbeing_reading import scheme_of
from tests.serving.conftest import Shop

MAY = Span(*(to_micros(datetime(2026, month, 1, tzinfo=UTC)) for month in (5, 6)))
NOISE = Noise((), (), 0)


def test_a_sum_in_another_order_is_no_second_number(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told(keepwell: Keepwell, *, by: str, **_: object) -> CompanyWellbeing:
        value = 50.0 if by == "town" else 50.000_000_000_01
        figure = Figure("comfort", EVERYONE, MAY, Interval(value, 40.0, 60.0), 9, False)
        return CompanyWellbeing(scheme_of(keepwell), NOISE, (figure,), (), 9, {})

    monkeypatch.setattr(module, "wellbeing_of_company", told)
    found = faring(shop.keepwell, ["town", "tongue"], clock=shop.clock)
    places = [(cell.segment, cell.every, cell.start, cell.row) for cell in found.cells]
    assert len(places) == len(set(places)) == 2  # a month's and a quarter's


def test_a_look_at_a_model_is_a_day_on_which_a_note_can_stand() -> None:
    psi = {"value": 0.05, "low": 0.01, "high": 0.09}
    watched = {"drift": {"scores": {"psi": psi}}, "people": 40, "status": "steady"}
    cell = _look("churn", datetime(2026, 5, 31, 23, tzinfo=UTC), watched)
    assert (cell.start, cell.end) == ("2026-05-31", "2026-06-01")
