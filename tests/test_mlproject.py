"""What `mlflow run` would type is what the command line understands."""

import subprocess
from pathlib import Path

import click
import pytest

from serving.cli import keepwell

ROOT = Path(__file__).parents[1]


def typed(entry: str, **parameters: str) -> list[str]:
    """Give the words after `keepwell`, as MLflow and the shell would hand them over."""
    from mlflow.projects._project_spec import load_project

    found = load_project(str(ROOT)).get_entry_point(entry)
    command = found.compute_command(parameters, None)
    shown = 'keepwell() { printf "%s\\n" "$@"; }; ' + command
    done = subprocess.run(
        ["bash", "-c", shown], capture_output=True, text=True, check=True, timeout=20
    )
    return done.stdout.splitlines()


def parse(words: list[str]) -> dict[str, object]:
    """What the command would be called with; raises `UsageError` for what it does not know."""
    with keepwell.make_context("keepwell", list(words)) as context:
        name, command, rest = keepwell.resolve_command(
            context, [*context._protected_args, *context.args]
        )
        assert command is not None
        assert name is not None
        return dict(command.make_context(name, rest, parent=context).params)


def test_a_training_with_nothing_but_its_target_leaves_the_rest_to_the_settings() -> None:
    words = typed("train", target="churn")
    assert words == ["--home", ".", "train", "churn", "--seed", "0"]
    assert parse(words)["trials"] is None


def test_a_training_takes_horizon_trials_and_test_date() -> None:
    found = parse(typed("train", horizon_days="60", trials="20", test_as_of="2026-01-01"))
    assert (found["horizon_days"], found["trials"]) == (60.0, 20)
    assert found["test_as_of"] == "2026-01-01"


def test_a_back_test_takes_its_origins() -> None:
    assert parse(typed("backtest", origins="3"))["origins"] == 3


def test_a_parameter_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(click.UsageError):
        parse(typed("train", trials="many"))
