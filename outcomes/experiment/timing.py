"""When was each column known? What the treatment can have changed explains nothing of its effect.

A column is a covariate or a segment only if it was known before anybody was assigned. Somebody says
so, or two columns of times show it row by row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from governance.errors import InvalidInput
from outcomes.experiment.table import Table

_ASK = (
    "say --known-before NAME (or --known-before all) if it was known before anybody was assigned, "
    "or --known-at NAME=TIMECOLUMN with --assigned-at TIMECOLUMN; leave out what came after"
)


@dataclass(frozen=True, kw_only=True)
class Known:
    """What somebody says about when columns were known.

    `before` names columns known before the assignment, `all_before` says so of all; `times` gives
    the column that holds when a column was known, `assigned_at` the one that holds when the row was
    assigned. `insisted` names columns that stand although the data speak against it.
    """

    before: frozenset[str] = frozenset()
    all_before: bool = False
    times: Mapping[str, str] = field(default_factory=dict)
    assigned_at: str | None = None
    insisted: frozenset[str] = frozenset()

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of times that are to be read."""
        at = () if self.assigned_at is None else (self.assigned_at,)
        return (*self.times.values(), *at)

    def unsaid(self, columns: Sequence[str]) -> tuple[str, ...]:
        """Give those of `columns` of which nothing is said."""
        if self.all_before:
            return ()
        return tuple(c for c in columns if c not in self.before and c not in self.times)


def check_known(table: Table, columns: Sequence[str], known: Known) -> tuple[str, ...]:
    """Refuse every column not known before the assignment; gives those that times have shown.

    Raises `InvalidInput` for columns of which nothing is said, and where a row's value was known at
    or after its assignment or has no time.
    """
    unsaid = known.unsaid(columns)
    if unsaid:
        raise InvalidInput(
            f"nobody said when {_named(unsaid)} {'was' if len(unsaid) == 1 else 'were'} known",
            hint=_ASK,
        )
    strange = (set(known.before) | set(known.times) | set(known.insisted)) - set(columns)
    if strange:
        raise InvalidInput(
            f"{_named(sorted(strange))} {'is' if len(strange) == 1 else 'are'} neither a covariate "
            "nor a segment",
            hint="say when a column was known only of those that are used",
        )
    shown = tuple(c for c in columns if c in known.times)
    if not shown:
        return ()
    if known.assigned_at is None:
        raise InvalidInput(
            "nobody said when rows were assigned", hint="name the column with --assigned-at"
        )
    for column in shown:
        _check_rows(table, column, known.times[column], known.assigned_at)
    return shown


def _check_rows(table: Table, column: str, time: str, at: str) -> None:
    if table.is_aware(time) != table.is_aware(at):
        raise InvalidInput(
            f"of {time!r} and {at!r} one has a time zone and the other none",
            hint="give both with their offset, or both without",
        )
    there = table.is_there(column)
    when, assigned = table.times(time), table.times(at)
    timeless = int((there & (np.isnat(when) | np.isnat(assigned))).sum())
    if timeless:
        raise InvalidInput(
            f"{timeless:,} rows hold {column!r} without a time in {time!r} or {at!r}",
            hint="leave the column out, or fill the times in",
        )
    late = int((there & (when >= assigned)).sum())
    if late:
        raise InvalidInput(
            f"{column!r} was known only at or after the assignment in {late:,} of "
            f"{int(there.sum()):,} rows",
            hint="the treatment may have changed it: leave it out",
        )


def _named(columns: Sequence[str]) -> str:
    return ", ".join(repr(column) for column in columns)
