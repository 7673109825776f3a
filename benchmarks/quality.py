"""How good the models are, on public data: `python -m benchmarks.quality [--data NAME,NAME]`.

One table per task: ours, every simple baseline on the very same test rows, and figures others have
published, each with a 95 % interval; ours minus each baseline, paired, and what that says in words.
Everything is chosen by validation inside the training rows; each test set is read once per run.
Printed as Markdown; `--json FILE` keeps every figure. A data folder that is not there is skipped.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.quality_figures import Line, Table
from benchmarks.quality_home import CDNOW, ONLINE_RETAIL, cdnow, online_retail
from benchmarks.quality_telco import FILE as TELCO_FILE
from benchmarks.quality_telco import telco
from benchmarks.quality_uplift import FILE as HILLSTROM_FILE
from benchmarks.quality_uplift import hillstrom
from benchmarks.quality_wellbeing import FILE as LIFESNAPS_FILE
from benchmarks.quality_wellbeing import lifesnaps
from governance.intervals import Interval

TASKS: Mapping[str, tuple[str, Callable[[Path], list[Table]]]] = {
    "telco": (TELCO_FILE, telco),
    "cdnow": (CDNOW.file, cdnow),
    "online_retail": (ONLINE_RETAIL.file, online_retail),
    "lifesnaps": (LIFESNAPS_FILE, lifesnaps),
    "hillstrom": (HILLSTROM_FILE, hillstrom),
}
TITLES = {
    "auc": "AUC", "average_precision": "avg. precision", "returners_ap": "returners' AP",
    "log_loss": "log loss", "brier": "Brier", "ece": "ECE", "rmse": "RMSE", "mae": "MAE",
    "qini": "Qini",
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default=",".join(TASKS), help=f"of {', '.join(TASKS)}")
    parser.add_argument("--data-dir", type=Path, default=Path("../shared/data"))
    parser.add_argument("--json", type=Path, help="a file for every figure, as JSON")
    given = parser.parse_args()
    names = [name.strip() for name in given.data.split(",")]
    unknown = [name for name in names if name not in TASKS]
    if unknown:
        parser.error(f"--data names {', '.join(unknown)}; there is {', '.join(TASKS)}")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    began = time.perf_counter()
    found: list[Table] = []
    for name in names:
        file, task = TASKS[name]
        if not (given.data_dir / file).exists():
            print(f"{name}: skipped, {file} is not in {given.data_dir}", file=sys.stderr)
            continue
        for table in task(given.data_dir):
            found.append(table)
            print(markdown(table), flush=True)
    print(f"{len(found)} tables in {time.perf_counter() - began:.0f} s")
    if given.json:
        document = {"tables": [table.to_json() for table in found]}
        given.json.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")


def markdown(table: Table) -> str:
    """Write one table with its protocol above and its verdicts below."""
    measures = list(table.lines[0].figures)
    head = [f"**{table.data}**: {table.task}. {table.rows}. {table.protocol}.", ""]
    head += ["| | " + " | ".join(TITLES[key] for key in measures) + " |"]
    head += ["|---" * (len(measures) + 1) + "|"]
    for line in table.lines:
        name = line.name + (" †" if line.source else "")
        head.append(f"| {name} | " + " | ".join(_figure(line, key) for key in measures) + " |")
        if line.ours_minus:
            cells = (_signed(line.ours_minus.get(key)) for key in measures)
            head.append("| · ours minus it | " + " | ".join(cells) + " |")
    said = [f"- Keepwell is {each.verdict}." for each in table.lines if each.verdict]
    cited = [f"- † {each.name}: {each.source}." for each in table.lines if each.source]
    notes = [f"- {note}." for note in table.notes]
    return "\n".join([*head, "", *said, *cited, *notes, f"- {table.seconds:.1f} s.", ""])


def _figure(line: Line, key: str) -> str:
    found = line.figures.get(key)
    if found is None:
        return ""
    if not isinstance(found, Interval):
        return f"{found:.3f}"
    return f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}]"


def _signed(found: Interval | None) -> str:
    if found is None:
        return ""
    return f"{found.value:+.3f} [{found.low:+.3f}, {found.high:+.3f}]"


if __name__ == "__main__":
    main()
