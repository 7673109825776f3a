"""What went wrong, said to whoever looks at a page."""

from governance.errors import KeepwellError

_ELSEWHERE = ("keepwell ", "GET /", "--")
"""What stands in hints that are for the command line or a program."""


def hint_of(error: KeepwellError) -> str:
    """Say what to do about it where that can be done on a page, else nothing."""
    return "" if any(each in error.hint for each in _ELSEWHERE) else error.hint


def mistake(error: KeepwellError) -> str:
    """Say an error in whole sentences: what was found, and what to do about it."""
    return " ".join(
        f"{each[:1].upper()}{each[1:].rstrip('.')}."
        for each in (error.message, hint_of(error))
        if each
    )
