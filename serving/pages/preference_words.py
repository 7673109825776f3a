"""The words around a company's own notices on the pages where people decide, by language.

Each language is a file in `words/` with the same keys as the others.
"""

import tomllib
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import NamedTuple

from governance.consent.purposes import FAMILIES

_FOLDER = Path(__file__).parent / "words"


class Wording(NamedTuple):
    """The words of one language."""

    locale: str
    page: Mapping[str, str]
    purposes: Mapping[str, str]
    channels: Mapping[str, str]
    states: Mapping[str, str]
    said: Mapping[str, str]
    confirm: Mapping[str, str]
    months: Sequence[str]
    day: str

    def purpose(self, purpose: str) -> str:
        """Name a purpose in a few words."""
        family, _, member = purpose.partition(".")
        if family in FAMILIES and member:
            return self.purposes[family].format(self.channels.get(member, member))
        return self.purposes.get(purpose, purpose)

    def confirmation(self, purpose: str) -> str:
        """Give the sentence a person ticks to agree explicitly."""
        return self.confirm.get(purpose, self.page["confirm"].format(self.purpose(purpose)))

    def date(self, instant: datetime) -> str:
        """Write the day of an instant, which is in the reader's time zone already."""
        month = self.months[instant.month - 1]
        return self.day.format(day=instant.day, month=month, year=instant.year)


@cache
def wordings() -> Mapping[str, Wording]:
    """Read every language there is."""
    return {
        path.stem: Wording(locale=path.stem, **tomllib.loads(path.read_text(encoding="utf-8")))
        for path in sorted(_FOLDER.glob("*.toml"))
    }


def wording(locales: Sequence[str]) -> Wording:
    """Give the first language of `locales` there is, else English."""
    for locale in locales:
        found = wordings().get(locale.split("-")[0].lower())
        if found is not None:
            return found
    return wordings()["en"]
