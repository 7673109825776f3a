"""What people see: tables, colour and progress on a terminal, or exactly one JSON document."""

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from governance.errors import ConfigurationError, GateRefused, IntegrityBroken, KeepwellError
from governance.instants import to_text

if TYPE_CHECKING:
    from serving.bootstrap import Keepwell

_PIPED_WIDTH = 120


def _stdout() -> Console:
    """Standard output; what is piped away is not squeezed into a terminal's 80 columns."""
    return Console() if sys.stdout.isatty() else Console(width=_PIPED_WIDTH)


@dataclass
class Session:
    """One call of the command line: which home, and how to speak."""

    home: Path
    as_json: bool
    out: Console = field(default_factory=_stdout)
    err: Console = field(default_factory=lambda: Console(stderr=True, soft_wrap=True))

    @contextmanager
    def open(self, *, to_look: bool = False) -> Iterator["Keepwell"]:
        """Open the home and close its connections afterwards.

        What people asked for since a backup that was restored is settled first. A home whose
        journal is not as it was opens `to_look` alone, with a note.
        """
        from serving.bootstrap import open_home
        from serving.logs import log_to_stderr
        from serving.rights.acts import settle

        log_to_stderr()
        keepwell = open_home(self.home)
        try:
            try:
                settle(keepwell, now=datetime.now(UTC))
            except IntegrityBroken as broken:
                if not to_look:
                    raise
                self.note(f"{broken.message}; {broken.hint}")
            yield keepwell
        finally:
            keepwell.database.close()

    def emit(self, payload: Mapping[str, Any], view: Callable[[Console], None]) -> None:
        """Print `payload` as JSON, or call `view` to draw it for people."""
        if self.as_json:
            print_json(payload)
        else:
            view(self.out)

    @contextmanager
    def step(self, text: str) -> Iterator[Callable[[str], None]]:
        """Show that something is under way; the value takes a line that says how far it is."""
        if self.as_json or not self.err.is_terminal:
            say = _plain_progress(self.err, text)
            yield say
            return
        with self.err.status(f"[bold]{text}[/]") as status:
            yield lambda detail: status.update(f"[bold]{text}[/] [dim]{detail}[/]")

    def note(self, text: str) -> None:
        """Say something beside the result, on standard error."""
        self.err.print(text, highlight=False)


def _plain_progress(err: Console, text: str) -> Callable[[str], None]:
    err.print(f"{text} …", highlight=False, markup=False)
    return lambda detail: err.print(f"  {detail}", highlight=False, markup=False)


def print_json(payload: Mapping[str, Any]) -> None:
    """Print one JSON document on standard output."""
    sys.stdout.write(json.dumps(plain(payload), ensure_ascii=False, indent=2) + "\n")
    sys.stdout.flush()


def plain(value: Any) -> Any:
    """Turn records, instants, paths and numpy numbers into what JSON can say; NaN becomes null."""
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return plain(value._asdict())
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(each) for each in value]
    if isinstance(value, datetime):
        return to_text(value if value.tzinfo else value.replace(tzinfo=UTC))
    if isinstance(value, date | Path):
        return str(value)
    if hasattr(value, "item") and callable(value.item):
        return plain(value.item())
    if isinstance(value, float) and value != value:
        return None
    return value


def table(*columns: str, title: str | None = None, numbers: Sequence[int] = ()) -> Table:
    """A quiet table; columns whose index is in `numbers` are right-aligned."""
    made = Table(title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for index, column in enumerate(columns):
        made.add_column(
            column, justify="right" if index in numbers else "left", header_style="bold dim"
        )
    return made


def facts(out: Console, pairs: Sequence[tuple[str, object]]) -> None:
    """Print names and values, one pair a line."""
    width = max((len(name) for name, _ in pairs), default=0)
    for name, value in pairs:
        line = Text.assemble("  ", (f"{name:<{width}}", "dim"), "  ", str(value))
        out.print(line, highlight=False, soft_wrap=True)


def report_error(error: KeepwellError, *, as_json: bool) -> int:
    """Say what went wrong and what to do; returns the exit code."""
    if as_json:
        told: dict[str, Any] = {
            "code": error.code,
            "message": error.message,
            "hint": error.hint,
        }
        if isinstance(error, ConfigurationError):
            told["problems"] = error.problems
        if isinstance(error, GateRefused):
            told["reasons"] = error.reasons
        print_json({"error": told})
    err = Console(stderr=True, soft_wrap=True)
    if isinstance(error, ConfigurationError):
        count = len(error.problems)
        err.print("[bold red]✗[/] ", end="")
        err.print(f"{error.source}: {count} to mend", highlight=False, markup=False)
        for problem in error.problems:
            err.print(f"  • {problem}", highlight=False, markup=False)
    else:
        err.print("[bold red]✗[/] ", end="")
        err.print(error.message, highlight=False, markup=False)
    if error.hint:
        err.print(f"  → {error.hint}", highlight=False, markup=False)
    return error.exit_code


def again(out: Console, notes: Sequence[str]) -> None:
    """Say how many of the figures that were shown are those given before, and why."""
    since = Counter(note for note in notes if note)
    for note, n in sorted(since.items()):
        figures = "1 figure is" if n == 1 else f"{n:,} figures are"
        out.print(f"[dim]{figures} {note}: a newer one would tell of too few people[/]")
