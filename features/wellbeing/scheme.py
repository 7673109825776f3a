"""How well-being is looked at: dimensions, each a weighted set of signals, declared as data.

Two schemes are ready-made: `FIVE` (emotional, financial, social, physical, purposeful) and `PERMA`
(Seligman 2011). A company changes weights and signals in `keepwell.toml`; see `wellbeing_settings`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

PURPOSE = "wellbeing_inference"
SOURCES = ("survey", "sentiment", "value", "count")


@dataclass(frozen=True)
class Signal:
    """One way in which a dimension shows, in points from 0 (worst) to 100 (best).

    `survey`: answers to `instruments` (in order of precedence), or with none named to whatever
    instrument states the dimension, stretched from their own scale and turned by their polarity.
    `sentiment`: 50 + 50 · polarity of the texts of `kinds`. `value`: the value of `kinds`, `low`
    being 0 points and `high` 100 (a `low` above `high` turns it round). `count`: how many events of
    `kinds` there were per 28 days in which the person was seen at all, `low` and `high` likewise.
    `where` keeps events with these properties alone. `weight` (0–1) is how far the signal is
    trusted beside its measured noise: 1 takes it at that, 0.5 as if it were twice as noisy.
    """

    name: str
    source: str
    kinds: tuple[str, ...] = ()
    instruments: tuple[str, ...] = ()
    where: tuple[tuple[str, str], ...] = ()
    low: float = 0.0
    high: float = 100.0
    weight: float = 1.0


@dataclass(frozen=True)
class Dimension:
    """One side of well-being; `weight` is its share in the index before the weights are scaled.

    Signals stand in order of precedence: the first with enough repeated readings sets the scale,
    the others are read against it.
    """

    name: str
    signals: tuple[Signal, ...]
    weight: float = 1.0


@dataclass(frozen=True)
class Scheme:
    """Dimensions of well-being and their weights in the index, which is their weighted mean.

    `min_evidence` (0–1) is the least part of the differences between people that a person's own
    signals must settle before a value is shown; below it there is "not enough signal".
    """

    name: str
    dimensions: tuple[Dimension, ...]
    min_evidence: float = 0.15

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the dimensions, in order."""
        return tuple(dimension.name for dimension in self.dimensions)

    @property
    def shares(self) -> dict[str, float]:
        """Each dimension's share in the index; they add up to 1."""
        whole = sum(dimension.weight for dimension in self.dimensions)
        return {dimension.name: dimension.weight / whole for dimension in self.dimensions}

    def explain(self) -> str:
        """Say in a sentence what the index is made of."""
        parts = ", ".join(f"{100 * share:.0f} % {name}" for name, share in self.shares.items())
        return f"index = {parts}; where a dimension is missing the others share its weight"


def _asked(*instruments: str) -> Signal:
    return Signal("asked", "survey", instruments=instruments)


def _count(name: str, kinds: tuple[str, ...], low: float, high: float) -> Signal:
    return Signal(name, "count", kinds=kinds, low=low, high=high)


def _worn(metric: str, low: float, high: float) -> Signal:
    return Signal(
        metric, "value", kinds=("wearable",), where=(("metric", metric),), low=low, high=high
    )


FIVE = Scheme(
    "five",
    (
        Dimension(
            "emotional",
            (
                _asked("pulse_emotional", "who5"),
                Signal("other_surveys", "survey"),
                Signal("words", "sentiment", weight=0.5),
            ),
        ),
        Dimension(
            "financial",
            (
                _asked("pulse_financial", "cfpb_financial"),
                Signal("other_surveys", "survey"),
                _count("failed_payments", ("payment_failed",), 2, 0),
                _count("saving", ("savings",), 0, 3),
            ),
        ),
        Dimension(
            "social",
            (
                _asked("pulse_social", "ucla_loneliness"),
                Signal("other_surveys", "survey"),
                _count("community", ("community_post", "social", "referral"), 0, 4),
            ),
        ),
        Dimension(
            "physical",
            (
                _asked("pulse_physical", "self_rated_health"),
                Signal("other_surveys", "survey"),
                _worn("sleep_score", 0, 100),
                _worn("resting_heart_rate", 90, 45),
                _worn("steps", 0, 12_000),
            ),
        ),
        Dimension(
            "purposeful",
            (
                _asked("pulse_purposeful", "mlq_presence"),
                Signal("other_surveys", "survey"),
                _count("goals_reached", ("goal_reached",), 0, 3),
            ),
        ),
    ),
)

PERMA = Scheme(
    "perma",
    (
        Dimension(
            "positive_emotion",
            (_asked("perma_positive_emotion"), Signal("words", "sentiment", weight=0.5)),
        ),
        Dimension("engagement", (_asked("perma_engagement"),)),
        Dimension(
            "relationships",
            (
                _asked("perma_relationships"),
                _count("community", ("community_post", "social", "referral"), 0, 4),
            ),
        ),
        Dimension("meaning", (_asked("perma_meaning"),)),
        Dimension(
            "accomplishment",
            (_asked("perma_accomplishment"), _count("goals_reached", ("goal_reached",), 0, 3)),
        ),
    ),
)

SCHEMES: Mapping[str, Scheme] = {"five": FIVE, "perma": PERMA}
