"""One customer whose traces are looked for everywhere: `python -m tests.serving.canary HOME`.

The process lives a company's life on the command line, good input and bad, and writes what it says
to standard output and standard error, except where the answer is the person's own data.
"""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from serving.access.auth import create_key
from serving.bootstrap import open_home
from serving.new_home import make_home
from serving.signing_desk import review_model

ID = "zelda.quince-7731@canary.example"
NAME = "Zelda Quince-Ptarmigan"
TEXT = "my purple okapi ran off with the invoice"
MARKS = (ID, NAME, TEXT, "zelda.quince", "Ptarmigan", "purple okapi")
LENIENT = """
kind = "production"
[gate]
min_auc_over_baseline_low = -0.5
max_score_psi = 99.0
max_ece = 1.0
fairness_blocks = []
[preferences]
base_url = "https://shop.example"
"""
PURPOSES = ("risk_scoring", "model_training", "outreach.email", "wellbeing_inference")
MAPPING = """
[source]
path = "orders.csv"
timezone = "UTC"
[customer]
id = "customer"
attributes = { name = "name" }
[[event]]
kind = "order"
occurred_at = "bought_at"
value = "amount"
text = "comment"
"""


def write_company(folder: Path, *, customers: int = 300) -> None:
    """Write orders of the last year and everyone's own yes; one customer is the canary."""
    rng, today = np.random.default_rng(7), datetime.now(UTC)
    orders, words = (
        ["customer,name,bought_at,amount,comment"],
        ["customer_id,purpose,state,occurred_at,mechanism,evidence,explicit"],
    )
    for k in range(customers):
        who, name, comment = (ID, NAME, TEXT) if k == 0 else (f"c{k}", f"Customer {k}", "")
        day, gap = rng.uniform(0, 120), rng.uniform(8, 40)
        end = 400 if k == 0 else rng.exponential(250) + day
        while day < min(360, end):
            at = today - timedelta(days=361 - float(day))
            orders.append(f"{who},{name},{at:%Y-%m-%d %H:%M:%S},{rng.uniform(5, 80):.2f},{comment}")
            day += rng.exponential(gap)
        at = today - timedelta(days=1)
        words += [
            f"{who},{purpose},given,{at.isoformat()},checkbox_ticked,form of {name},true"
            for purpose in PURPOSES
        ]
    orders.append(f"{ID},{NAME},the day {TEXT},1.00,{TEXT}")  # a line that cannot be taken
    words.append(f"{ID},all,given,soon,pre_ticked,{TEXT},true")
    (folder / "orders.csv").write_text("\n".join(orders) + "\n")
    (folder / "orders.toml").write_text(MAPPING)
    (folder / "words.csv").write_text("\n".join(words) + "\n")


def commands(folder: Path) -> list[list[str]]:
    """The life: what is done well first, then what goes wrong."""
    orders, words = str(folder / "orders.toml"), str(folder / "words.csv")
    scores = str(folder / "scores.parquet")
    return [
        ["init"],
        ["import", orders],
        ["import", orders],
        ["consent", "import", words],
        ["consent", "coverage"],
        ["train", "churn", "--trials", "1", "--author", "ada"],
        ["approve"],
        ["review", "list"],
        ["audit", "churn"],
        ["score", "--out", scores],
        ["outcomes", "measures"],
        ["monitor"],
        ["rights", "processing-record"],
        ["rights", "complaint", "add", ID, "--category", "data", "--text", TEXT],
        ["ledger", "verify"],
        ["doctor"],
        ["retention", "apply", "--dry-run"],
        ["rights", "object", ID],
        ["consent", "withdraw", ID, "risk_scoring"],
        ["score", ID, "--target", "weather"],
        ["score", ID, "--as-of", "soon"],
        ["consent", "grant", ID, "everything", "--mechanism", "button", "--evidence", TEXT],
        ["consent", "grant", ID, "risk_scoring", "--mechanism", "pre_ticked", "--evidence", TEXT],
        ["consent", "receipt", ID, "no-such-event"],
        ["rights", "erase", NAME, "--yes"],
        ["rights", "export", NAME],
        ["dossier", ID],
        ["replay", ID],
        ["import", str(folder / "words.csv")],
        ["what-if", ID, "--set", f"weather={NAME}"],
        ["customers", "address", "set", ID, NAME],
    ]


def approve(home: Path, enrolment_secret: str | None) -> None:
    """Have Grace, who did not train it, sign the model."""
    keepwell, now = open_home(home), datetime.now(UTC)
    with keepwell.database.write() as conn:
        key = create_key(
            conn, keepwell.ledger, ["audit:sign"],
            owner="Grace", now=now, enrolment_secret=enrolment_secret,
        ).key  # fmt: skip
    review_model(keepwell, "churn", outcome="approve", key=key, reason="good enough", now=now)
    keepwell.close()


def main(home: Path) -> None:
    """Run every command in this process; a failure is a line on standard error, as ever."""
    from serving import cli

    folder = home.parent
    write_company(folder)
    home.mkdir()
    (home / "keepwell.toml").write_text(LENIENT)
    made = make_home(home, evaluation=False, timezone=None, currency=None, now=datetime.now(UTC))
    for each in commands(folder):
        for stream in (sys.stdout, sys.stderr):
            stream.write(f"\n# {each[0]}\n")
        if each == ["approve"]:
            approve(home, made.enrolment_key)
            continue
        sys.argv = ["keepwell", "--home", str(home), *each]
        try:
            cli.main()
        except SystemExit as ended:
            sys.stderr.write(f"# ended with {ended.code}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
