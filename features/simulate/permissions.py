"""What the made-up customers answered when they were asked for permission, with the evidence."""

from datetime import datetime
from hashlib import sha256

import numpy as np
import pandas as pd

from features.simulate.exports import as_text
from features.simulate.life import WEEK_S, WEEKS, Flags, Ints, People, Texts

NOTICE_ID = "demo-notice"
NOTICE_VERSION = 1
NOTICE_LOCALE = "en"
NOTICE_TEXT = """How we use what you do with us

With your permission we estimate whether you may be about to leave, so that we can do better by
you. Separately, with your permission, we learn from your orders, visits and questions to make
that estimate better; look at the words you write to us to see whether you are struggling; check
that we treat every group of people fairly; and write to you by e-mail when we can help.

Each permission stands alone. You can take any of them back at any time in your account, without
giving a reason, and nothing else about your account changes.
"""
NOTICE_HASH = sha256(NOTICE_TEXT.encode()).hexdigest()
EXPLICIT_PURPOSES = frozenset({"wellbeing_inference"})


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
            "notice_id": NOTICE_ID,
            "notice_version": NOTICE_VERSION,
            "notice_hash": NOTICE_HASH,
            "notice_locale": NOTICE_LOCALE,
        }
    )


def _record(ids: Texts, purpose: str, state: str) -> list[str]:
    return [sha256(f"{k} {purpose} {state}".encode()).hexdigest()[:16] for k in ids]
