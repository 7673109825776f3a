"""How a report says figures, and what its words mean."""

from governance.intervals import Interval
from outcomes.measures.definition import Measure

TITLES = {
    "customer_happiness_index": "Customer Happiness Index",
    "empathy_deficit_index": "Empathy Deficit Index",
    "retention": "Customers who stayed",
    "churn": "Customers who left",
    "active": "Customers who are active",
    "order_value": "Spent per customer",
    "churned_value": "Share of sales that left",
    "nrr": "Revenue kept from existing contracts",
    "escalation": "Tickets that were escalated",
    "aht": "Handling time of a contact",
    "resolution_time": "Time until a ticket was solved",
    "unresolved": "Tickets not solved",
    "bot_handover": "Handed over by the bot",
    "sentiment_delta": "Change in how texts sound",
    "csat": "Satisfied customers (CSAT)",
    "nps": "Net promoter score (NPS)",
    "ces_effort_mean": "Effort customers felt (CES)",
    "ces_ease_mean": "Ease customers felt (CES 2.0)",
    "high_effort": "High effort",
    "innovation_rate": "Innovation rate",
}

GLOSSARY = (
    (
        "Interval",
        "The range in brackets. If the same thing were measured over and over, 95 of 100 such "
        "ranges would hold the true figure. Two figures whose ranges overlap widely may be alike.",
    ),
    (
        "Retention lift",
        "Points by which more of those contacted stayed than of those left alone by lot. Drawing "
        "lots is what makes it an effect; a figure that merely changed is not one.",
    ),
    (
        "Held out",
        "Left alone by lot for a limited time, so that it can be learnt whether contacting helps.",
    ),
    (
        "Net ROI",
        "(margin preserved + cost saved − cost) ÷ cost, over the time stated beside it.",
    ),
    (
        "At risk",
        "Probability of leaving × margin, added up over customers who permit scoring. An "
        "estimate about situations, never about a person's worth.",
    ),
    (
        "Customer Happiness Index",
        "0 to 100: the weighted mean of the share of positive language, of satisfied answers and "
        "of reported happiness. Missing parts are named, and the others weigh more.",
    ),
    (
        "Empathy Deficit Index",
        "0 to 100: how far troubles stand above their own median of the past year, as a share of "
        "the way to a stated worst case. 0 means no worse than usual. Needs four parts.",
    ),
    (
        "Drop-off",
        "The share of people who, in the 30 days after they first came to a stage, neither went on "
        "to another nor came back on a later day.",
    ),
    (
        "Too few, withheld",
        "A figure over too few people is never shown, nor one that would give such a figure away.",
    ),
)


def title_of(name: str) -> str:
    """Give the title of a measure."""
    return TITLES.get(name, name.replace("_", " "))


def value_in_words(value: float, unit: str) -> str:
    """Say a value with its unit: 93.6 %, 12.4 h, 118 EUR."""
    if unit == "share":
        return f"{100 * value:.1f} %"
    number = f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.3g}"
    suffix = {
        "hours": " h",
        "seconds": " s",
        "per quarter": " per quarter",
        "0–100": "",
        "points": "",
        "count": "",
        "ratio": "",
        "per person": "",
    }.get(unit, f" {unit}")
    return f"{number}{suffix}"


def range_in_words(value: Interval, unit: str) -> str:
    """Say an interval without repeating the unit."""
    scale = 100 if unit == "share" else 1
    digits = ".1f" if unit == "share" else ".3g"
    return f"{scale * value.low:{digits}} to {scale * value.high:{digits}}"


def figure_in_words(measure: Measure) -> str:
    """Say a figure with its interval, or why there is none."""
    if measure.value is None:
        return measure.note or "not measured"
    unit = measure.unit
    return f"{value_in_words(measure.value.value, unit)} ({range_in_words(measure.value, unit)})"


def parts_of_index(note: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Split the note of an index into its parts with their raw levels, and those missing."""
    parts = [each.strip() for each in note.split(";") if each.strip()]
    missing = [each.removeprefix("without ") for each in parts if each.startswith("without ")]
    own = [each.replace("_", " ") for each in parts if not each.startswith("without ")]
    names = [name.strip().replace("_", " ") for each in missing for name in each.split(",")]
    return tuple(own), tuple(names)
