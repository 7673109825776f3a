"""The weekly list as a printable page, or as a table for a spreadsheet."""

import csv
import io
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from serving.crm.cells import plain_text
from serving.crm.weekly import WeeklyList
from serving.scoring.chance import percent

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
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for rank, each in enumerate(found.lines, 1):
        reasons = (*each.reasons, "", "", "")[:3]
        told = (
            rank, each.customer_id, *(f"{amount:.2f}" for amount in each.at_risk),
            *(f"{share:.4f}" for share in (each.probability, each.low, each.high)),
            f"{each.margin:.2f}", *reasons, " ".join(each.channels), each.last_contact or "",
            each.decision_id, found.made_at, found.home,
        )  # fmt: skip
        writer.writerow([plain_text(str(value), _LONGEST) for value in told])
    return text.getvalue()


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
