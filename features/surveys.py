"""Survey instruments: the scale, polarity and dimension that give an answer its meaning."""

from collections.abc import Mapping

INSTRUMENTS: Mapping[str, tuple[float, float, str, str]] = {
    # scale from, scale to, polarity, dimension
    "csat": (1, 5, "high_is_good", "emotional"),
    "nps": (0, 10, "high_is_good", "social"),
    "ces_effort": (1, 5, "low_is_good", "emotional"),
    "ces_ease": (1, 7, "high_is_good", "emotional"),
    # one question per dimension: "How are you doing …, from 0 to 10?"
    "pulse_emotional": (0, 10, "high_is_good", "emotional"),
    "pulse_financial": (0, 10, "high_is_good", "financial"),
    "pulse_social": (0, 10, "high_is_good", "social"),
    "pulse_physical": (0, 10, "high_is_good", "physical"),
    "pulse_purposeful": (0, 10, "high_is_good", "purposeful"),
    # published: WHO-5 (WHO 1998, raw score), CFPB Financial Well-Being Scale (2015), UCLA three
    # items on loneliness (Hughes 2004), self-rated health (1 excellent … 5 poor), MLQ presence of
    # meaning (Steger 2006), PERMA-Profiler (Butler & Kern 2016, mean of the items)
    "who5": (0, 25, "high_is_good", "emotional"),
    "cfpb_financial": (0, 100, "high_is_good", "financial"),
    "ucla_loneliness": (3, 9, "low_is_good", "social"),
    "self_rated_health": (1, 5, "low_is_good", "physical"),
    "mlq_presence": (5, 35, "high_is_good", "purposeful"),
    "perma_positive_emotion": (0, 10, "high_is_good", "positive_emotion"),
    "perma_engagement": (0, 10, "high_is_good", "engagement"),
    "perma_relationships": (0, 10, "high_is_good", "relationships"),
    "perma_meaning": (0, 10, "high_is_good", "meaning"),
    "perma_accomplishment": (0, 10, "high_is_good", "accomplishment"),
}
"""Survey instruments whose scale, polarity and dimension need not be stated."""


def complete_survey(properties: Mapping[str, object]) -> Mapping[str, object]:
    """Add the scale, polarity and dimension that a named instrument stands for."""
    known = INSTRUMENTS.get(str(properties.get("instrument")))
    if known is None:
        return properties
    low, high, polarity, dimension = known
    stated: dict[str, object] = {"scale": [low, high], "polarity": polarity, "dimension": dimension}
    return {**stated, **properties}


def is_scale(found: object) -> bool:
    """Whether something is a scale: two numbers, the lower first."""
    return (
        isinstance(found, list | tuple)
        and len(found) == 2
        and all(isinstance(x, int | float) and not isinstance(x, bool) for x in found)
        and found[0] < found[1]
    )


def instrument_problems(stated: Mapping[str, object]) -> list[str]:
    """List what a survey leaves open: its instrument, or an own instrument's scale and polarity."""
    instrument = stated.get("instrument")
    if not isinstance(instrument, str) or not instrument:
        return ["instrument must be stated for a survey (csat, nps, ces_effort, ces_ease, or own)"]
    if instrument == "ces":
        return ["instrument 'ces' is two instruments: say ces_effort (low is good) or ces_ease"]
    scale = stated.get("scale")
    problems = []
    if scale is None:
        if instrument not in INSTRUMENTS:
            problems.append("scale must be stated for an instrument of your own")
    elif not is_scale(scale):
        problems.append("scale must be two numbers, the lower first")
    polarity = stated.get("polarity")
    if polarity is None:
        if instrument not in INSTRUMENTS:
            problems.append("polarity must be stated for an instrument of your own")
    elif polarity not in ("high_is_good", "low_is_good"):
        problems.append("polarity must be high_is_good or low_is_good")
    if stated.get("dimension") is None and instrument not in INSTRUMENTS:
        problems.append("dimension must be stated for an instrument of your own")
    return problems
