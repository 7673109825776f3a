"""The words of notices by language: files in `words_of_notices/`, each with the same keys.

Names of purposes, channels and months are those of the pages where people decide.
"""

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from serving.pages.preference_words import Wording, wording

_FOLDER = Path(__file__).parent / "words_of_notices"


class NoticeWords(NamedTuple):
    """The words of one language."""

    locale: str
    common: Wording
    page: Mapping[str, str]
    said: Mapping[str, str]
    topics: Mapping[str, str]
    actions: Mapping[str, str]
    why: Mapping[str, str]
    how: Mapping[str, str]
    bands: Mapping[str, str]
    targets: Mapping[str, str]
    data: Mapping[str, str]
    kinds: Mapping[str, str]
    reasons: Mapping[str, str]
    status: Mapping[str, str]
    code: Mapping[str, str]

    def channel(self, channel: str) -> str:
        """Name a channel; one nobody translated is named as the company does."""
        return self.common.channels.get(channel, channel)

    def kind(self, kind: str) -> str:
        """Name a kind of event."""
        return self.kinds.get(kind, kind.replace("_", " "))


@cache
def all_notice_words() -> Mapping[str, NoticeWords]:
    """Read every language there is."""
    return {
        path.stem: NoticeWords(
            locale=path.stem,
            common=wording([path.stem]),
            **tomllib.loads(path.read_text(encoding="utf-8")),
        )
        for path in sorted(_FOLDER.glob("*.toml"))
    }


def notice_words(locales: Sequence[str]) -> NoticeWords:
    """Give the first language of `locales` there is, else English."""
    for locale in locales:
        found = all_notice_words().get(locale.split("-")[0].lower())
        if found is not None:
            return found
    return all_notice_words()["en"]
