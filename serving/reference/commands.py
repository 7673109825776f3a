"""The page of every command, from the commands themselves."""

from collections.abc import Iterator

import click

from serving.cli import keepwell


def page() -> str:
    """Give the Markdown page of all commands, their arguments and options."""
    lines = [
        "# Commands",
        "",
        "Written by `make docs` from the commands themselves. `keepwell --json COMMAND` prints one "
        "JSON document. Exit codes: 0 done; 1 a clear no; 2 wrong use or bad input.",
    ]
    with click.Context(keepwell, info_name="keepwell") as context:
        for command, path in _walk(keepwell, context, ("keepwell",)):
            lines += ["", f"## `{' '.join(path)}`", "", *_described(command, context)]
    return "\n".join(lines) + "\n"


def _walk(
    group: click.Group, context: click.Context, path: tuple[str, ...]
) -> Iterator[tuple[click.Command, tuple[str, ...]]]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from _walk(command, context, (*path, name))
        elif command is not None:
            yield command, (*path, name)


def _described(command: click.Command, context: click.Context) -> Iterator[str]:
    yield " ".join((command.help or "").split())
    arguments = [each for each in command.params if isinstance(each, click.Argument)]
    options = [each for each in command.params if isinstance(each, click.Option)]
    rows = [record for each in options if (record := each.get_help_record(context))]
    if arguments:
        yield ""
        yield "Arguments: " + ", ".join(f"`{each.make_metavar(context)}`" for each in arguments)
    if rows:
        yield ""
        yield from (f"- `{usage}`: {text}" for usage, text in rows)
