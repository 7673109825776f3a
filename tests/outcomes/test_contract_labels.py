"""What a target counts as an end of a contract is what the measures of churn count."""

import numpy as np
import pytest

from features.events import Event
from features.history import from_events
from features.labels import Labels, label
from features.targets.target import Target
from governance.instants import to_micros
from tests.outcomes.conftest import event, on
from tests.outcomes.measuring import figure


def contracts(seed: int, people: int = 80) -> list[Event]:
    """Contracts that begin, go on and end, some over payments that fail, reasons given or not."""
    rng = np.random.default_rng(seed)
    found = []
    for k in range(people):
        who, began = f"c{k:02}", int(rng.integers(0, 120))
        found.append(event(who, "plan_changed", began, 10.0))
        ended = int(rng.integers(began + 1, 260)) if rng.random() < 0.6 else 300
        for day in range(began + 10, min(began + 90, ended), 20):
            failed = rng.random() < 0.2
            found.append(event(who, "payment_failed" if failed else "payment", day))
        if ended < 260:
            reason = rng.choice(["", "moved", "non_payment", "payment_failed"])
            stated = {"reason": str(reason)} if reason else {}
            found.append(event(who, "cancelled", ended, properties=stated))
    return found


@pytest.mark.parametrize("seed", range(5))
def test_labels_and_measures_agree_on_who_left_and_why(seed: int) -> None:
    events = contracts(seed)

    def ask(reason: str) -> Labels:
        target = Target("left", "contract", 100, reason=reason)
        histories = from_events(events)
        return label(histories, target, to_micros(on(100)), observed_until=to_micros(on(300)))

    measured = {name: figure(events, f"churn_{name}") for name in ("voluntary", "involuntary")}
    for reason, measure in measured.items():
        found = ask(reason)
        asked = found.eligible
        left = asked & (found.y == 1) & ~found.unknown[0].who
        assert measure.denominator == asked.sum()
        assert measure.numerator == left.sum() > 0
