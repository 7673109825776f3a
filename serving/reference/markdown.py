"""Small pieces of Markdown: tables whose cells cannot break them, code that is shown as it is."""

from collections.abc import Iterable, Iterator


def table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    """Give the lines of a table; cells are Markdown, their bars and line breaks made harmless."""
    head = [*columns]
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(_cell(each) for each in row) + " |"


def code(text: str) -> str:
    """Give a piece of code within a sentence; nothing for an empty one."""
    return f"`{text}`" if text else ""


def block(text: str, language: str) -> str:
    """Give a block of code."""
    return f"```{language}\n{text}\n```"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
