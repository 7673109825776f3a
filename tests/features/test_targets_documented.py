"""Every example in the document on targets is one, and becomes the target it shows."""

import re
from pathlib import Path

import pytest

from features.targets.target import KINDS, Target
from serving.settings import load_settings

TEXT = (Path(__file__).parents[2] / "docs" / "targets.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)


def targets(text: str, folder: Path) -> dict[str, Target]:
    path = folder / "keepwell.toml"
    path.write_text(text, encoding="utf-8")
    found, mistakes = load_settings(path, {}).declared_targets()
    assert not mistakes
    return found


@pytest.mark.parametrize("text", EXAMPLES)
def test_an_example_is_read_as_it_stands(text: str, tmp_path: Path) -> None:
    (found,) = targets(text, tmp_path).values()
    name, stated = re.findall(r"\[targets\.(\w+)\]\n(.*)", text, re.DOTALL)[-1]
    assert found.name == name
    for key, value in re.findall(r"^(\w+) = (.+)$", stated, re.MULTILINE):
        said = getattr(found, key)
        written = dict(said) if key == "where" else said
        plain = list(said) if key == "horizons" else written
        assert _toml(plain) == value


def test_every_kind_has_an_example(tmp_path: Path) -> None:
    shown = {each.kind for text in EXAMPLES for each in targets(text, tmp_path).values()}
    assert shown == set(KINDS)


def test_a_declared_calendar_reaches_the_target(tmp_path: Path) -> None:
    (text,) = (each for each in EXAMPLES if "[[calendar]]" in each)
    (found,) = targets(text, tmp_path).values()
    assert [each.name for each in found.outside] == ["outage in March"]


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(each)}" for key, each in value.items()) + " }"
    return f'"{value}"' if isinstance(value, str) else str(value)
