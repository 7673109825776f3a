"""Writes a made-up shop to try the guide on: orders.csv, and answers.csv with what people permit.

python examples/crm/made_up_shop.py [CUSTOMERS]
"""

import csv
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

CUSTOMERS = int(sys.argv[1]) if len(sys.argv) > 1 else 800
PURPOSES = {"risk_scoring": 0.9, "model_training": 0.9, "outreach.email": 0.6}
ASKED_FOR = 10  # the guide asks for these by name, so they permit everything

lot = Random(7)  # noqa: S311 - made-up people need no better one
today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
orders, answers = [], []
for number in range(CUSTOMERS):
    customer = f"C{1001 + number}"
    usual = lot.uniform(12, 45)  # days between two orders
    at = today - timedelta(days=lot.uniform(20, 1500))  # customers join throughout
    said_at = at + timedelta(minutes=5)
    leaves = lot.random() < 0.7
    patience = lot.expovariate(1 / 700) if leaves else 10_000  # days until they drift away
    start = at
    while at < today - timedelta(days=1):
        value = round(lot.lognormvariate(3.4, 0.5), 2)
        orders.append([f"O{len(orders) + 1}", customer, f"{at:%Y-%m-%d %H:%M}", value])
        tired = (at - start).days > patience
        at += timedelta(days=usual * lot.uniform(0.6, 1.4) * (9 if tired else 1))
    for purpose, share in PURPOSES.items():
        state = "given" if number < ASKED_FOR or lot.random() < share else "refused"
        evidence = f"account page, form {customer}-{purpose}"
        said = f"{said_at:%Y-%m-%dT%H:%M:%SZ}"
        answers.append([customer, purpose, state, said, "checkbox_ticked", evidence])


def write(name: str, header: list[str], rows: list[list[object]]) -> None:
    """Write one CSV file beside you."""
    with Path(name).open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])


write("orders.csv", ["order_number", "customer_number", "ordered_at", "amount"], orders)
said = ["customer_id", "purpose", "state", "occurred_at", "mechanism", "evidence"]
write("answers.csv", said, answers)
