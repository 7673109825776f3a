"""Reads texts that people have rated, from a CSV or a bare tab-separated file."""

import csv
import io
from collections.abc import Iterator
from math import isfinite
from pathlib import Path

import numpy as np

from governance.errors import ConfigurationError, InvalidInput, NotFound
from training.text.fit import Labelled

_MOST_SHOWN = 20
_LONGEST_FIELD = 1_000_000


def read_labelled(path: Path) -> Labelled:
    """Read a CSV with the columns `text`, `rating` and, where texts belong together, `group`.

    A file ending in .txt or .tsv without a header is read as id, rating, text; the part of the id
    before `_` is the group. Undecodable bytes are replaced. All bad lines raise one
    `ConfigurationError` that names their numbers, never their text.
    """
    if not path.is_file():
        raise NotFound(f"there is no file {path.name!r}", hint="check the path")
    text = path.read_text(encoding="utf-8-sig", errors="replace").replace("\x00", " ")
    bare = path.suffix.lower() in (".txt", ".tsv") and not text.startswith(("text\t", "rating\t"))
    texts: list[str] = []
    ratings: list[float] = []
    groups: list[str] = []
    problems: list[str] = []
    for line, written, rating, group in _bare(text) if bare else _table(text, path):
        value = _number(rating)
        if value is None:
            problems.append(f"line {line}: the rating is no number")
        elif written.strip():
            texts.append(written)
            ratings.append(value)
            groups.append(group or f"line {line}")
    if problems:
        more = len(problems) - _MOST_SHOWN
        shown = problems[:_MOST_SHOWN] + ([f"and {more:,} more"] if more > 0 else [])
        raise ConfigurationError(
            shown, source=path.name, hint="a rating is a number such as 4 or -1.5"
        )
    return Labelled(texts, np.array(ratings, np.float64), groups)


def _bare(text: str) -> Iterator[tuple[int, str, str, str]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            name, rating, written = [*line.rstrip("\r").split("\t", 2), "", ""][:3]
            yield number, written, rating, name.partition("_")[0]


def _table(text: str, path: Path) -> Iterator[tuple[int, str, str, str]]:
    csv.field_size_limit(_LONGEST_FIELD)
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    rows = csv.DictReader(io.StringIO(text), delimiter=delimiter)
    missing = [name for name in ("text", "rating") if name not in (rows.fieldnames or ())]
    if missing:
        raise InvalidInput(
            f"{path.name} has no column {' and no column '.join(missing)}",
            hint="the first line names the columns: text, rating and perhaps group",
        )
    try:
        for row in rows:
            yield rows.line_num, row["text"] or "", row["rating"] or "", row.get("group") or ""
    except csv.Error as problem:
        raise InvalidInput(f"{path.name} is not readable as CSV: {problem}") from None


def _number(written: str) -> float | None:
    try:
        value = float(written)
    except ValueError:
        return None
    return value if isfinite(value) else None
