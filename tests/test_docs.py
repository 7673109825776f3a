"""What the documents show can be typed: commands, options, make targets; and no company's name."""

import re
import shlex
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import click
import pytest

from serving.cli import keepwell

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
DATA_SETS = r"online.?retail|cd.?now|telco|hillstrom|minethatdata|compas(?!s)|aequitas"
MAY_NAME_THEM = {"examples", "tests", "docs", "benchmarks", "README.md"}
REDIRECTION = re.compile(r"\s\d?>")
PASSED_ON = "$@"  # what a shell function was given: it is not known here
COMMAND = re.compile(r"(?:^|(?<=[\s(`/]))keepwell\s[^\n|)&`]+")


def _blocks(text: str) -> Iterator[str]:
    """Give every line of a console block, continued lines joined."""
    for block in re.findall(r"```(?:console|sh|bash|shell)\n(.*?)```", text, re.DOTALL):
        yield from block.replace("\\\n", " ").splitlines()


def _typed() -> list[tuple[str, str]]:
    """List (document, command) of every whole command in a console block."""
    return [
        (path.name, REDIRECTION.split(shown)[0].strip())
        for path in DOCUMENTS
        for line in _blocks(path.read_text(encoding="utf-8"))
        for shown in COMMAND.findall(line)
    ]


def _mentioned() -> list[tuple[str, str]]:
    """List (document, command) of every command named in a sentence or a heading."""
    return [
        (path.name, shown)
        for path in DOCUMENTS
        for shown in re.findall(r"`(keepwell [^`\n]+)`", path.read_text(encoding="utf-8"))
    ]


def _parse(words: list[str]) -> tuple[click.Command, dict[str, object]]:
    """Find the command and what its options and arguments would be; raises `UsageError`."""
    command: click.Command = keepwell
    context = click.Context(command, info_name="keepwell")
    values, rest, _ = command.make_parser(context).parse_args(words)
    while isinstance(command, click.Group) and rest:
        found = command.get_command(context, rest[0])
        if found is None:
            raise click.UsageError(f"no command {rest[0]}")
        context = click.Context(found, parent=context, info_name=rest[0])
        words = rest[1:]
        if isinstance(found, click.Group) and words:  # a group may say what a bare word means
            found.parse_args(context, list(words))
            words = [*context._protected_args, *context.args]
        values, rest, _ = found.make_parser(context).parse_args(words)
        command = found
    if rest:
        raise click.UsageError(f"too many words: {rest}")
    for each in command.params:
        value = values.get(each.name or "")
        if isinstance(value, str) and not isinstance(each.type, click.Path):
            each.type.convert(value, each, context)
    return command, dict(values)


@pytest.mark.parametrize(("document", "shown"), _typed())
def test_a_command_that_is_shown_can_be_typed(document: str, shown: str) -> None:
    words = shlex.split(shown, comments=True)[1:]
    command, values = _parse([word for word in words if word != PASSED_ON])
    missing = [each.name for each in command.params if each.required and not values.get(each.name)]
    assert not missing or PASSED_ON in shown, f"{document} leaves out {missing}"
    assert not isinstance(command, click.Group), f"{document} names a group, not a command"


@pytest.mark.parametrize(("document", "shown"), sorted(set(_mentioned())))
def test_a_command_that_is_mentioned_exists(document: str, shown: str) -> None:
    words = [word for word in shlex.split(shown)[1:] if word != "COMMAND"]
    with suppress(click.BadOptionUsage):  # an option may be named without its value
        _parse(words)


def test_the_readme_shows_commands() -> None:
    assert len([shown for document, shown in _typed() if document == "README.md"]) >= 5


def test_an_option_that_is_not_there_is_noticed() -> None:
    with pytest.raises(click.UsageError):
        _parse(["train", "churn", "--horizont-days", "90"])


def test_every_make_target_that_is_named_exists() -> None:
    rules = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", rules, re.MULTILINE))
    for path in DOCUMENTS:
        text = path.read_text(encoding="utf-8")
        named = set(re.findall(r"`make ([a-z]+)", text))
        named |= {each for line in _blocks(text) for each in re.findall(r"^make ([a-z]+)", line)}
        assert named <= targets, f"{path.name} names {named - targets}"


def test_every_file_a_document_links_to_exists() -> None:
    for path in DOCUMENTS:
        for link in re.findall(r"\]\(([^)#:]+)\)", path.read_text(encoding="utf-8")):
            assert (path.parent / link).exists(), f"{path.name} links to {link}"


def test_no_data_set_is_known_by_name() -> None:
    sources = [
        path
        for floor in ("governance", "features", "training", "outcomes", "serving")
        for path in (ROOT / floor).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    ]
    sources += [path for path in ROOT.iterdir() if path.is_file() and path.name != ".git"]
    named = [
        str(path.relative_to(ROOT))
        for path in sources
        if path.relative_to(ROOT).parts[0] not in MAY_NAME_THEM
        and re.search(DATA_SETS, path.read_text(encoding="utf-8", errors="ignore"), re.IGNORECASE)
    ]
    assert named == []
