"""What people answered when asked: each person's newest answer in the period counts once."""

from collections.abc import Sequence

from outcomes.measures.definition import Definition, Measure

BASIC = frozenset({"csat", "nps", "ces_effort", "ces_ease"})
"""Instruments with a measure of their own in the catalogue; `ces` alone is refused."""

_NEWEST = "each person's newest answer in the period"

_MEAN = """
SELECT period, who, score AS x, 1 AS y FROM answers WHERE instrument = $instrument
"""
_LEVEL = """
SELECT period, who, 100 * (score - low) / (high - low) AS x, 1 AS y FROM answers
WHERE instrument = $instrument AND high > low
"""
_CHANGE = """
SELECT period, who, 100 * ((now.score - now.low) / (now.high - now.low)
    - (was.score - was.low) / (was.high - was.low)) AS x, 1 AS y
FROM answers AS now JOIN earlier AS was USING (period, who, instrument)
WHERE instrument = $instrument AND now.low = was.low AND now.high = was.high
"""


def scale_mean(instrument: str, says: str) -> Definition:
    """Define the mean answer to an instrument on its own scale; two scales are never averaged."""
    return Definition(
        name=f"{instrument}_mean",
        family="surveys",
        unit="points",
        method="mean",
        says=f"mean of {_NEWEST}; {says}",
        needs=("survey",),
        params={"instrument": instrument},
        instrument=instrument,
        one_scale=True,
        sql=_MEAN,
    )


def level(instrument: str, says: str, *, family: str, name: str | None = None) -> Definition:
    """Define the mean answer to an instrument, scaled to 0–100 from its scale's lower end."""
    return Definition(
        name=name or instrument,
        family=family,
        unit="0–100",
        method="mean",
        low=0.0,
        high=100.0,
        says=f"{says}: mean of {_NEWEST}, (answer − min) ÷ (max − min) · 100",
        needs=("survey",),
        params={"instrument": instrument},
        instrument=instrument,
        sql=_LEVEL,
    )


def change(instrument: str, *, family: str, name: str | None = None) -> Definition:
    """Define the change of an instrument between two equal windows, in the same people."""
    return Definition(
        name=f"{name or instrument}_change",
        family=family,
        unit="points",
        method="mean",
        low=-100.0,
        high=100.0,
        says=(
            f"{instrument} after − before on 0–100, same people, period against the equal window "
            "before it; a change, called an effect only against a holdout"
        ),
        needs=("survey",),
        params={"instrument": instrument},
        instrument=instrument,
        sql=_CHANGE,
    )


DEFINITIONS = (
    Definition(
        name="csat",
        family="surveys",
        unit="share",
        says=f"4 or 5 on 1–5 (or at their scale's stated threshold) ÷ answered; {_NEWEST}",
        needs=("survey",),
        params={"instrument": "csat"},
        instrument="csat",
        sql="""
        SELECT period, who, (score >= coalesce(threshold, 4))::INT AS x, 1 AS y FROM answers
        WHERE instrument = $instrument AND (threshold IS NOT NULL OR low = 1 AND high = 5)""",
    ),
    scale_mean("csat", "high is good"),
    Definition(
        name="nps",
        family="surveys",
        unit="points",
        method="nps",
        says=f"share of 9–10 − share of 0–6 of 0–10, × 100; {_NEWEST}",
        needs=("survey",),
        params={"instrument": "nps"},
        instrument="nps",
        sql="""
        SELECT period, who, CASE WHEN score >= 9 THEN 1 WHEN score <= 6 THEN -1 ELSE 0 END AS x,
            1 AS y FROM answers WHERE instrument = $instrument AND low = 0 AND high = 10""",
    ),
    Definition(
        name="detractors",
        family="surveys",
        unit="share",
        says=f"0–6 of 0–10 ÷ answered NPS; {_NEWEST}",
        needs=("survey",),
        params={"instrument": "nps"},
        instrument="nps",
        sql="""
        SELECT period, who, (score <= 6)::INT AS x, 1 AS y FROM answers
        WHERE instrument = $instrument AND low = 0 AND high = 10""",
    ),
    scale_mean("ces_effort", "low is good"),
    scale_mean("ces_ease", "CES 2.0, high is good"),
    Definition(
        name="high_effort",
        family="surveys",
        unit="share",
        says=(
            "in the worse two fifths of their scale (ces_effort 4–5 of 1–5, ces_ease 1–3 of 1–7) ÷ "
            f"answered either; {_NEWEST}"
        ),
        needs=("survey",),
        wants="survey events with instrument ces_effort or ces_ease",
        sql="""
        SELECT period, who, max(CASE WHEN instrument = 'ces_effort'
            THEN score >= low + 0.6 * (high - low) ELSE score <= low + 0.4 * (high - low) END)::INT
            AS x, 1 AS y
        FROM answers WHERE instrument IN ('ces_effort', 'ces_ease') GROUP BY period, who""",
    ),
)

_BASE = """
WITH base AS (
    SELECT period, who, at_start FROM active WHERE at_start OR at_end
    UNION
    SELECT period, who, false FROM answers WHERE instrument = $instrument
        AND (period, who) NOT IN (SELECT (period, who) FROM active WHERE at_start OR at_end)),
answered AS (SELECT DISTINCT period, who FROM answers WHERE instrument = $instrument)
"""
_ANSWERED = (
    _BASE
    + """
SELECT b.period, b.who, (a.who IS NOT NULL)::INT AS x, 1 AS y
FROM base AS b LEFT JOIN answered AS a USING (period, who)
"""
)
_LEAN = (
    _BASE
    + """
SELECT b.period, b.who, b.at_start::INT AS x, (a.who IS NOT NULL)::INT AS y
FROM base AS b LEFT JOIN answered AS a USING (period, who)
"""
)


def representativeness(instrument: str) -> tuple[Definition, Definition]:
    """Define how far those who answered stand for the customers of the period."""
    shared = {"params": {"instrument": instrument}, "instrument": instrument}
    return (
        Definition(
            name=f"answered_{instrument}",
            family="representativeness",
            unit="share",
            says=(
                f"answered {instrument} in the period ÷ customers active at its start or end; by "
                "group this shows who is missing among the answers"
            ),
            needs=("survey",),
            states=("active_window_days",),
            sql=_ANSWERED,
            **shared,  # type: ignore[arg-type]
        ),
        Definition(
            name=f"respondents_{instrument}_active_before",
            family="representativeness",
            unit="share",
            method="difference",
            says=(
                "share of respondents already active at the period's start − the same share of "
                "customers who did not answer; near 0 means alike. numerator and denominator: of "
                "respondents"
            ),
            needs=("survey",),
            states=("active_window_days",),
            sql=_LEAN,
            **shared,  # type: ignore[arg-type]
        ),
    )


def others(found: Sequence[str], known: frozenset[str]) -> tuple[Definition, ...]:
    """Define level and change of a company's own instruments, those of `found` not `known`."""
    own = sorted(set(found) - known - BASIC)
    return tuple(
        each
        for name in own
        for each in (level(name, name, family="surveys"), change(name, family="surveys"))
    )


def with_coverage(measures: Sequence[Measure], definitions: Sequence[Definition]) -> list[Measure]:
    """Write beside every survey figure how many of the customers asked about had answered."""
    instrument = {d.name: d.instrument for d in definitions if d.instrument}
    answered = {
        (m.name.removeprefix("answered_"), m.segment, m.period): m
        for m in measures
        if m.name.startswith("answered_") and m.value is not None
    }
    noted = []
    for m in measures:
        base = answered.get((instrument.get(m.name) or "", m.segment, m.period))
        if base is None or m.value is None or m.family == "representativeness":
            noted.append(m)
            continue
        said = f"{base.numerator:.0f} of {base.denominator:.0f} customers answered"
        noted.append(m._replace(note=f"{m.note}; {said}" if m.note else said))
    return noted
