"""The tables that the made-up company's shop, app and help desk would export."""

from datetime import datetime

import numpy as np
import pandas as pd

from features.simulate.life import (
    PILOT_WEEK,
    PILOT_WEEKS,
    UNDER_RECORDED_BAND,
    WEEK_S,
    WEEKS,
    Flags,
    Floats,
    Ints,
    People,
    Texts,
    Weeks,
    spread,
)
from features.simulate.words import TICKET_TEXTS, TOPICS

_LAST_S = WEEKS * WEEK_S


def as_text(start: datetime, seconds: Floats | Ints, *, zone: str = "Z") -> Texts:
    """Write seconds since `start` (UTC) as ISO 8601; `zone=""` leaves the time naive."""
    begin = np.datetime64(start.replace(tzinfo=None), "s")
    moments = begin + np.asarray(seconds).astype("timedelta64[s]")
    return np.char.add(np.datetime_as_string(moments, unit="s"), zone)


def customers(people: People, rng: np.random.Generator, start: datetime) -> pd.DataFrame:
    """One row per customer: when they joined, how they came, and two protected attributes."""
    n = len(people.ids)
    ways = ["search", "friend", "shop", "social"]
    return pd.DataFrame(
        {
            "customer_id": people.ids,
            "joined_at": as_text(start, people.joined_week * WEEK_S - people.days_before * 86_400),
            "plan": rng.choice(["basic", "plus", "family"], n, p=[0.6, 0.3, 0.1]),
            "came_by": rng.choice(ways, n, p=[0.4, 0.2, 0.25, 0.15]),
            "gender": rng.choice(["woman", "man", "not stated"], n, p=[0.5, 0.45, 0.05]),
            "age_band": people.age_band,
        }
    )


def orders(people: People, weeks: Weeks, rng: np.random.Generator, start: datetime) -> pd.DataFrame:
    """One row per order line, naive local time; a return is a line with a negative quantity."""
    customer, _, seconds = spread(weeks.orders, rng)
    line = np.repeat(np.arange(len(customer)), rng.integers(1, 4, len(customer)))
    sku, quantity = rng.integers(1, 121, len(line)), rng.integers(1, 4, len(line))
    price = people.basket_eur[customer[line]] * (0.3 + 0.01 * sku) / (2 * quantity)
    sold = pd.DataFrame(
        {
            "order_id": [f"O{k:07d}" for k in line + 1],
            "customer_id": people.ids[customer[line]],
            "ordered_at": seconds[line],
            "sku": [f"SKU-{k:03d}" for k in sku],
            "quantity": quantity,
            "unit_price": np.round(price, 2),
        }
    )
    back = sold[rng.random(len(sold)) < 0.04]
    back = back.assign(
        order_id="R" + back["order_id"].str[1:],
        ordered_at=back["ordered_at"] + rng.integers(3, 15, len(back)) * 86_400,
        quantity=-back["quantity"],
    )
    frame = pd.concat([sold, back[back["ordered_at"] < _LAST_S]])
    frame = frame.sort_values(["ordered_at", "order_id"], kind="stable", ignore_index=True)
    return frame.assign(ordered_at=as_text(start, frame["ordered_at"].to_numpy(), zone=""))


def web(
    people: People, weeks: Weeks, rng: np.random.Generator, start: datetime, *, lost_share: float
) -> pd.DataFrame:
    """One row per session and page view; `lost_share` of the under-recorded band's app sessions
    never arrived."""
    customer, _, seconds = spread(weeks.sessions, rng)
    app = rng.random(len(customer)) < 0.7
    hit = app & (people.age_band[customer] == UNDER_RECORDED_BAND)
    kept = ~(hit & (rng.random(len(customer)) < lost_share))
    customer, seconds, app = customer[kept], seconds[kept], app[kept]
    viewed = np.repeat(np.arange(len(customer)), rng.poisson(1.1, len(customer)))
    session = np.concatenate([np.arange(len(customer)), viewed])
    is_view = np.arange(len(session)) >= len(customer)
    page = rng.choice(["home", "product", "help", "account"], len(session), p=[0.3, 0.5, 0.1, 0.1])
    since = (seconds[session] + is_view * rng.integers(5, 900, len(session))).astype(np.int64)
    frame = pd.DataFrame(
        {
            "customer_id": people.ids[customer[session]],
            "seen_at": pd.Timestamp(start) + pd.to_timedelta(since, unit="s"),
            "action": np.where(is_view, "page_view", "session"),
            "device": np.where(app[session], "app", "web"),
            "page": np.where(is_view, page, ""),
        }
    )
    return frame.sort_values(["seen_at", "customer_id"], kind="stable", ignore_index=True)


def tickets(
    people: People, weeks: Weeks, rng: np.random.Generator, start: datetime
) -> pd.DataFrame:
    """One row per step of a ticket: opened with its text, perhaps escalated, closed."""
    customer, week, seconds = spread(weeks.tickets, rng)
    n = len(customer)
    cell = week * len(people.ids) + customer
    place = np.arange(n) - np.searchsorted(cell, cell)  # 0, 1, … among tickets of one person's week
    raised = place < weeks.escalated[week, customer]
    upset = weeks.frustration[week, customer] + raised + rng.standard_normal(n)
    mood = np.digitize(upset, [-0.3, 0.8])
    topic, pick = rng.integers(0, len(TOPICS), n), rng.integers(0, 1_000, n)
    words = [
        TICKET_TEXTS[m][p % len(TICKET_TEXTS[m])].format(topic=TOPICS[t])
        for m, p, t in zip(mood, pick, topic, strict=True)
    ]
    opened = pd.DataFrame(
        {
            "ticket_id": [f"T{k:06d}" for k in range(1, n + 1)],
            "customer_id": people.ids[customer],
            "status": "opened",
            "changed_at": seconds,
            "topic": np.array(TOPICS)[topic] if n else np.array([], np.str_),
            "text": words,
        }
    )
    wait = np.where(raised, 30, 6) * (0.5 + rng.random(n)) * 3_600
    steps = [
        opened,
        opened.assign(status="escalated", changed_at=seconds + wait * 0.2, text=None)[raised],
        opened.assign(status="closed", changed_at=seconds + wait, text=None),
    ]
    frame = pd.concat(steps)
    frame = frame[frame["changed_at"] < _LAST_S].sort_values(
        ["changed_at", "ticket_id"], ignore_index=True
    )
    return frame.assign(changed_at=as_text(start, frame["changed_at"].to_numpy()))


def surveys(
    people: People, weeks: Weeks, rng: np.random.Generator, start: datetime
) -> pd.DataFrame:
    """One row per answer: `csat` (1-5) in weeks with a ticket, `nps` (0-10) twice a year."""
    asked = weeks.tickets > 0
    csat = _answers(people, weeks, asked & (rng.random(asked.shape) < 0.4), rng, low=1, high=5)
    rounds = np.arange(13, WEEKS, 26)
    polled = np.zeros_like(asked)
    polled[rounds] = (people.joined_week <= rounds[:, None]) & (weeks.left_week > rounds[:, None])
    nps = _answers(people, weeks, polled & (rng.random(asked.shape) < 0.3), rng, low=0, high=10)
    frame = pd.concat([csat.assign(instrument="csat"), nps.assign(instrument="nps")])
    frame = frame.sort_values(["answered_at", "customer_id"], kind="stable", ignore_index=True)
    return frame.assign(answered_at=as_text(start, frame["answered_at"].to_numpy()))


def answers(
    weeks: Weeks,
    asked: Flags,
    rng: np.random.Generator,
    *,
    low: int,
    high: int,
    days: Floats | None = None,
) -> tuple[Ints, Floats, Ints]:
    """Give who answered, when (seconds) and what, of those asked `(weeks, n)`."""
    customer, week, seconds = spread(asked.astype(np.int64), rng, days=days)
    feeling = 0.8 * weeks.engagement[week, customer] - 0.5 * weeks.frustration[week, customer]
    spread_of = (high - low) / 5
    score = low + 0.8 * (high - low) + spread_of * (feeling + 0.8 * rng.standard_normal(len(week)))
    return customer, seconds, np.clip(np.rint(score), low, high).astype(np.int64)


def _answers(
    people: People, weeks: Weeks, asked: Flags, rng: np.random.Generator, *, low: int, high: int
) -> pd.DataFrame:
    customer, seconds, score = answers(weeks, asked, rng, low=low, high=high)
    return pd.DataFrame(
        {"customer_id": people.ids[customer], "answered_at": seconds, "score": score}
    )


def contacts(people: People, weeks: Weeks, start: datetime) -> pd.DataFrame:
    """One row per message that the company sent outside Keepwell: the pilot's personal notes."""
    ids = people.ids[weeks.treated]
    sent = np.full(len(ids), PILOT_WEEK * WEEK_S + 9 * 3_600)
    return pd.DataFrame(
        {"customer_id": ids, "sent_at": as_text(start, sent), "campaign": "spring pilot"}
    )


def pilot(people: People, weeks: Weeks, bought: pd.DataFrame, start: datetime) -> pd.DataFrame:
    """One row per customer of the randomised pilot: arm, ordered within 13 weeks, spend in EUR."""
    begin, stop = as_text(start, np.array([PILOT_WEEK, PILOT_WEEK + PILOT_WEEKS]) * WEEK_S, zone="")
    inside = bought[(bought["ordered_at"] >= str(begin)) & (bought["ordered_at"] < str(stop))]
    spent = (inside["quantity"] * inside["unit_price"]).groupby(inside["customer_id"]).sum()
    ids = people.ids[weeks.in_pilot]
    return pd.DataFrame(
        {
            "customer_id": ids,
            "arm": np.where(weeks.treated[weeks.in_pilot], "personal note", "holdout"),
            "retained": np.isin(ids, inside.loc[inside["quantity"] > 0, "customer_id"]).astype(int),
            "spend": spent.reindex(ids).fillna(0.0).round(2).to_numpy(),
        }
    )


def truth(people: People, weeks: Weeks, start: datetime) -> pd.DataFrame:
    """One row per customer of what no company knows; `left_at` is empty for those still here."""
    left = weeks.left_week < WEEKS
    return pd.DataFrame(
        {
            "customer_id": people.ids,
            "left_at": np.where(left, as_text(start, weeks.left_week * WEEK_S), ""),
            "weekly_hazard": weeks.hazard[-1],
            "engagement": weeks.engagement[-1],
            "frustration": weeks.frustration[-1],
        }
    )
