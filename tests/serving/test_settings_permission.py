"""Settings about permission: read, checked at once, written and read back."""

from pathlib import Path

import pytest

from governance.consent.handling import Party
from governance.errors import ConfigurationError
from serving.settings import load_settings, write_settings

WHOLE = """
[controller]
name = "Tea Ltd"
address = "1 High Street, Bath"
contact = "privacy@tea.example"
jurisdiction = "GB"
storage_locations = ["IE"]
withdrawal = "https://tea.example/privacy"

[[controller.others]]
name = "Post Ltd"
address = "2 Low Street"
contact = "+44 1 234"
kind = "processor"

[[controller.others]]
name = "Biscuits Ltd"
address = "3 Low Street"
contact = "+44 1 235"
kind = "joint_controller"

[controller.authority]
name = "ICO"
address = "Wilmslow"
contact = "https://ico.org.uk"

[preferences]
base_url = "https://privacy.tea.example/"
embed_origins = ["https://tea.example", "http://localhost:8080"]
"""


def test_what_is_stated_reaches_every_record(tmp_path: Path) -> None:
    path = tmp_path / "keepwell.toml"
    path.write_text(WHOLE, encoding="utf-8")
    handling = load_settings(path, {}).controller.handling()
    assert [each.name for each in handling.controllers] == ["Tea Ltd", "Biscuits Ltd"]
    assert handling.recipients == (Party("Post Ltd", "2 Low Street", "+44 1 234", "processor"),)
    assert (handling.jurisdiction, handling.storage_locations) == ("GB", ("IE",))
    assert handling.authority is not None
    assert handling.authority.kind == "authority"
    assert handling.is_complete


def test_nothing_stated_is_not_complete(tmp_path: Path) -> None:
    settings = load_settings(tmp_path / "keepwell.toml", {})
    assert not settings.controller.handling().is_complete
    assert settings.preferences.embed_origins == ()


def test_they_are_written_and_read_back(tmp_path: Path) -> None:
    path, copy = tmp_path / "keepwell.toml", tmp_path / "copy.toml"
    path.write_text(WHOLE, encoding="utf-8")
    settings = load_settings(path, {})
    assert settings.preferences.base_url == "https://privacy.tea.example"
    write_settings(copy, settings)
    assert load_settings(copy, {}) == settings


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ('[preferences]\nbase_url = "privacy.tea.example"', "preferences.base_url"),
        ('[preferences]\nbase_url = "https://tea.example/?x=1"', "preferences.base_url"),
        ('[preferences]\nembed_origins = ["*"]', "preferences.embed_origins.0"),
        ('[preferences]\nembed_origins = ["https://a; img *"]', "preferences.embed_origins.0"),
        ('[preferences]\nembed_origins = ["https://a.b/path"]', "preferences.embed_origins.0"),
        ("[preferences]\nlink_minutes = 0", "preferences.link_minutes"),
        ('[controller]\njurisdiction = "Great Britain"', "controller.jurisdiction"),
        ('[controller]\nname = ""', "controller.name"),
        ('[[controller.others]]\nname = "x"', "controller.others.0.address"),
    ],
)
def test_a_mistake_is_named_by_its_place(tmp_path: Path, line: str, place: str) -> None:
    path = tmp_path / "keepwell.toml"
    path.write_text(line, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load_settings(path, {})
    assert caught.value.problems[0].startswith(f"{place}:")
