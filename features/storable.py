"""What every store can keep: text that UTF-8 can write, numbers and nesting within reason.

JSON can carry what databases and Parquet cannot: half a surrogate pair, the character NUL, numbers
of thousands of digits, lists within lists a thousand deep.
"""

from collections.abc import Mapping

DEEPEST = 16
LARGEST_INTEGER = 2**63 - 1


def storage_problem(found: object) -> str | None:
    """Say why a value as JSON gives it cannot be stored; None when it can."""
    waiting = [(found, 0)]
    while waiting:
        value, depth = waiting.pop()
        if isinstance(value, str):
            problem = text_problem(value)
            if problem is not None:
                return problem
        elif isinstance(value, int) and abs(value) > LARGEST_INTEGER:
            return "holds a whole number beyond 64 bits"
        elif isinstance(value, Mapping | list | tuple):
            if depth == DEEPEST:
                return f"nests more than {DEEPEST} levels deep"
            inside = [*value.keys(), *value.values()] if isinstance(value, Mapping) else value
            waiting += [(each, depth + 1) for each in inside]
    return None


def text_problem(text: str) -> str | None:
    """Say why a text cannot be stored; None when it can."""
    if "\x00" in text:
        return "holds the character NUL"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "holds half a surrogate pair, which is no character"
    return None
