"""The worked numbers of the explanations are what the code gives."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from features.definitions import FeatureDefinition
from features.events import Event
from features.history import from_events
from features.kernel import compute
from governance.instants import to_micros
from governance.intervals import newcombe
from tests.features.sample import permits

FOLDER = Path(__file__).parents[1] / "docs/explanation"

_ROW = re.compile(r"\| ([^|]+) \| ([^|]+ \| [^|]+) (?=\|)")


def told(name: str) -> str:
    return " ".join((FOLDER / f"{name}.md").read_text(encoding="utf-8").split())


def march(day: int) -> datetime:
    return datetime(2026, 3, day, 12, tzinfo=UTC)


def test_two_clocks() -> None:
    orders = from_events(
        [
            Event("c0", "order", march(10), march(10), event_id="A", value=10.0),
            Event("c0", "order", march(12), march(20), event_id="B", value=10.0),
            Event("c0", "order", march(10), march(21), event_id="A2", value=9.0, corrects="A"),
        ]
    )
    count = FeatureDefinition("order_count_30d", ("order",), "count", 30)
    for day, found in ((15, 1), (25, 2)):
        table = compute(orders, [count], [to_micros(march(day))], permits=permits())
        assert table.values.tolist() == [[found]]
        assert f"| {day} March | {found} |" in told("two-clocks")


def test_two_senses_of_fairness_exclude_each_other() -> None:
    rows = dict(_ROW.findall(told("fairness")))
    for group, leave in enumerate((400, 200)):
        found = leave // 2
        flagged = round(found / 0.6)
        column = {name: cells.split(" | ")[group] for name, cells in rows.items()}
        assert column["leave"] == str(leave)
        assert column["flagged"] == str(flagged)
        assert column["flagged and leave"] == str(found)
        alarms = f"{(flagged - found) / (1000 - leave):.0%}".replace("%", " %")
        assert column["**flagged without need** of those who stay"] == alarms
        assert column["flagged without need"] == str(flagged - found)


@pytest.mark.parametrize(("times", "shown"), [(1, "−1.4 … +8.8"), (10, "+2.3 to +5.6")])
def test_the_interval_of_a_lift(times: int, shown: str) -> None:
    found = newcombe(288 * times, 1200 * times, 60 * times, 300 * times)
    assert found is not None
    low, high = (f"{100 * each:+.1f}".replace("-", "−") for each in (found.low, found.high))
    assert (low, high) == tuple(re.split(r" … | to ", shown))
    assert shown in told("lift")
