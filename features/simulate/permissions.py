"""What the made-up customers answered when they were asked for permission, with the evidence."""

from datetime import datetime
from hashlib import sha256

import numpy as np
import pandas as pd

from features.simulate.exports import as_text
from features.simulate.life import WEEK_S, WEEKS, Flags, Ints, People, Texts

NOTICE_VERSION = 1
NOTICE_LOCALE = "en"
_ALONE = (
    "This stands alone: whatever you answer changes nothing else about your account, and you can "
    "take it back at any time, in one step and without a reason."
)
NOTICES = {
    "risk_scoring": "From your orders, visits and questions we estimate whether you may be about "
    "to leave, so that we can do better by you. A short note may be sent by itself; a person "
    "decides about anything that costs something or matters more, and you can ask for a person to "
    f"look again.\n\n{_ALONE}",
    "model_training": "We learn from what you and others did over the past years how to make that "
    f"estimate better. No one reads your data for it.\n\n{_ALONE}",
    "wellbeing_inference": "From the words you write to us and the surveys you answer we estimate "
    "whether you are struggling with something, so that we can help. This is sensitive, so we ask "
    f"for it in so many words.\n\n{_ALONE}",
    "fairness_audit": "We check that we treat every group of people alike. For this check alone "
    "someone looks at your age and gender; nothing that is decided about you ever does."
    f"\n\n{_ALONE}",
    "outreach.email": "We write to you by e-mail when we believe that we can help, at most twice "
    f"in thirty days.\n\n{_ALONE}",
}
"""By purpose the words that people answered; made up, like the people."""
EXPLICIT_PURPOSES = frozenset({"wellbeing_inference"})


def notice_id(purpose: str) -> str:
    """Name the notice that speaks of one purpose."""
    return f"demo-{purpose.replace('.', '-').replace('_', '-')}"


def permissions(people: People, rng: np.random.Generator, start: datetime) -> pd.DataFrame:
    """One row per answer: most agreed, some refused, withdrew, lapsed, or were never asked.

    Everyone's answers are independent acts, one per purpose, each with its own evidence.
    """
    n = len(people.ids)
    asked = rng.random(n) >= 0.09
    asked_s = people.joined_week * WEEK_S + 600 + rng.integers(0, 86_400, n)
    withdrew_s = WEEKS * WEEK_S - rng.integers(86_400, 90 * 86_400, n)
    fate = rng.random(n)
    withdraws, lapses = (fate > 0.93) & (fate <= 0.97) & (asked_s < withdrew_s), fate > 0.97
    declines = {
        "risk_scoring": fate < 0.07,
        "model_training": fate < 0.10,
        "fairness_audit": rng.random(n) < 0.12,
        "outreach.email": (fate < 0.07) | (rng.random(n) < 0.3),
        "wellbeing_inference": rng.random(n) < 0.55,
    }
    rows = []
    for purpose, declined in declines.items():
        agreed = asked & ~declined
        for state, who, when in (
            ("refused", asked & declined, asked_s),
            ("given", agreed, asked_s),
            ("withdrawn", agreed & withdraws, withdrew_s),
        ):
            lapsed = lapses & (state == "given")
            rows.append(_rows(people.ids, purpose, state, who, when, lapsed, start))
    frame = pd.concat(rows)
    return frame.sort_values(["occurred_at", "customer_id", "purpose"], ignore_index=True)


def _rows(
    ids: Texts, purpose: str, state: str, who: Flags, when: Ints, lapsed: Flags, start: datetime
) -> pd.DataFrame:
    expires = as_text(start, np.full(1, WEEKS * WEEK_S - 20 * 86_400))[0]
    act = "switched the setting off" if state == "withdrawn" else "answered the open question"
    return pd.DataFrame(
        {
            "customer_id": ids[who],
            "purpose": purpose,
            "state": state,
            "occurred_at": as_text(start, when[who]),
            "expires_at": np.where(lapsed[who], expires, ""),
            "actor": "customer",
            "mechanism": "preference_centre",
            "evidence": [f"{act}; form record {k}" for k in _record(ids[who], purpose, state)],
            "explicit": purpose in EXPLICIT_PURPOSES and state == "given",
            "notice_id": notice_id(purpose),
            "notice_version": NOTICE_VERSION,
            "notice_hash": sha256(NOTICES[purpose].encode()).hexdigest(),
            "notice_locale": NOTICE_LOCALE,
        }
    )


def _record(ids: Texts, purpose: str, state: str) -> list[str]:
    return [sha256(f"{k} {purpose} {state}".encode()).hexdigest()[:16] for k in ids]
