"""How a page says what went wrong."""

import pytest

from governance.errors import InvalidInput
from serving.pages.mistakes import mistake


@pytest.mark.parametrize(
    ("hint", "said"),
    [
        ("say why in a few words", "Nothing was given. Say why in a few words."),
        ("see: keepwell rights review list", "Nothing was given."),
        ("name a day to come: --due", "Nothing was given."),
        ("", "Nothing was given."),
    ],
)
def test_a_hint_for_the_command_line_is_left_out(hint: str, said: str) -> None:
    assert mistake(InvalidInput("nothing was given", hint=hint)) == said
