"""The weekly list as a printable page, or as a table for a spreadsheet."""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from serving.crm.cells import plain_text
from serving.crm.weekly import Line, WeeklyList
from serving.scoring.chance import percent
from serving.spreadsheet import csv_text

_COLUMNS = (
    "rank", "customer_id", "at_risk", "at_risk_low", "at_risk_high", "probability", "low", "high",
    "margin", "reason_1", "reason_2", "reason_3", "channels", "last_contact", "decision_id",
    "made_at", "home",
)  # fmt: skip
_LONGEST = 500


def weekly_html(found: WeeklyList) -> str:
    """Give one self-contained page that prints well."""
    return _templates().get_template("weekly.html.j2").render(w=found)


def weekly_csv(found: WeeklyList) -> str:
    """Give one row per customer; no cell is a formula to a spreadsheet."""
    return csv_text(
        _COLUMNS, (_row(found, k, each) for k, each in enumerate(found.lines, 1)), end="\n"
    )


def _row(found: WeeklyList, rank: int, line: Line) -> tuple[object, ...]:
    reasons = (*line.reasons, "", "", "")[:3]
    return (
        rank, plain_text(line.customer_id, _LONGEST),
        *(round(amount, 2) for amount in line.at_risk),
        *(round(share, 4) for share in (line.probability, line.low, line.high)),
        round(line.margin, 2), *(plain_text(each, _LONGEST) for each in reasons),
        " ".join(line.channels), line.last_contact or "", line.decision_id, found.made_at,
        found.home,
    )  # fmt: skip


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("serving.pages", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["day"] = lambda text: str(text)[:10]
    environment.filters["minute"] = lambda text: str(text)[:16].replace("T", " ") + " UTC"
    environment.filters["words"] = lambda name: str(name).replace("_", " ")
    environment.filters["money"] = lambda amount: f"{amount:,.0f}"
    environment.filters["percent"] = lambda share: f"{100 * float(share):.0f} %"
    environment.filters["chance"] = percent
    return environment
