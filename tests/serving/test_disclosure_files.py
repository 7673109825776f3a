"""Every filter of a home's measures goes to a file; no two lines of any two files tell of a few."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import pyarrow.csv

from tests.serving.test_cli import Commands

LEAST = 5
MAPPING = """[source]
path = "orders.csv"
timezone = "UTC"
[customer]
id = "who"
attributes = { town = "town", tongue = "tongue" }
[[event]]
kind = "order"
occurred_at = "day"
value = "paid"
currency = "EUR"
"""
FILTERS = (
    (),
    ("--by", "town"),
    ("--by", "tongue"),
    ("--period", "month"),
    ("--period", "month", "--by", "town"),
    ("--period", "quarter", "--by", "tongue"),
    ("--start", "2025-02-01", "--end", "2025-07-01"),
    ("--start", "2025-02-01", "--end", "2025-07-02"),
)


class Order(NamedTuple):
    who: str
    town: str
    tongue: str
    day: date
    paid: int


class Line(NamedTuple):
    """One line of a file, and what each person behind it adds."""

    start: str
    end: str
    added: Mapping[str, int]


def orders() -> Iterator[Order]:
    """Thirty customers; two speak the tongue of the other town, two live where nobody else does."""
    for k in range(30):
        town = "Delft" if k < 16 else "Gouda" if k < 28 else "Ede"
        tongue = "dutch" if k < 18 else "frisian"
        for month in range(12):
            if (k * 7 + month * 5) % 3:
                day = date(2025, 1, 3 + k % 20) + timedelta(days=30 * month)
                yield Order(f"c{k}", town, tongue, day, 10 + k + month)


def write(folder: Path, name: str, rows: list[Order]) -> Path:
    lines = ["who,town,tongue,day,paid", *(",".join(map(str, row)) for row in rows)]
    (folder / name).write_text("\n".join(lines), encoding="utf-8")
    return folder / name


def lines_of(path: Path, by: str | None, known: list[Order]) -> Iterator[tuple[bool, Line]]:
    """Each line that shows a figure, and whether it is a new one."""
    for row in pyarrow.csv.read_csv(path).to_pylist():
        if row["people"] is None:
            continue
        start, end = str(row["start"])[:10], str(row["end"])[:10]
        added: dict[str, int] = {}
        for order in known:
            inside = start <= str(order.day) < end
            group = getattr(order, by) if by else "all"
            if inside and row["segment"] in ("all", group):
                added[order.who] = added.get(order.who, 0) + order.paid
        fresh = "as given" not in (row["note"] or "")
        if fresh:
            assert (row["people"], row["numerator"]) == (len(added), sum(added.values()))
        yield fresh, Line(start, end, added)


def test_no_two_lines_of_all_files_differ_in_a_few_people(tmp_path: Path) -> None:
    (tmp_path / "orders.toml").write_text(MAPPING, encoding="utf-8")
    keepwell = Commands(tmp_path / "home")
    keepwell("init")
    known = list(orders())
    late = Order("c4", "Delft", "dutch", date(2025, 5, 20), 999)
    found: list[Line] = []
    repeated = 0
    for step in ("first", "late", "erased"):
        if step == "first":
            write(tmp_path, "orders.csv", known)
            assert keepwell("import", tmp_path / "orders.toml").code == 0
        elif step == "late":
            extra = write(tmp_path, "late.csv", [late])
            assert keepwell("import", tmp_path / "orders.toml", "--source", extra).code == 0
            known.append(late)
        else:
            assert keepwell("rights", "erase", "c7", "--yes").code == 0
            known = [order for order in known if order.who != "c7"]
        for k, words in enumerate(FILTERS):
            path = tmp_path / f"{step}{k}.csv"
            told = keepwell(
                "outcomes", "measures", "--measure", "order_value", *words, "--out", path
            )
            assert told.code == 0, told
            by = words[words.index("--by") + 1] if "--by" in words else None
            for fresh, line in lines_of(path, by, known):
                if fresh:
                    found.append(line)
                repeated += not fresh
    assert len(found) > 40
    for a, b in combinations(found, 2):
        if a.start < b.end and b.start < a.end:
            n = sum(a.added.get(who) != b.added.get(who) for who in a.added.keys() | b.added.keys())
            assert n == 0 or n >= LEAST, (a, b)
    assert all(len(line.added) >= LEAST for line in found)
    assert repeated > 10
