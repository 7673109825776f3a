"""What surrounds a page for people without a login: one frame, in the reader's own language.

The notice, the choices, the stop link and the survey are filled by this module alone, so that they
look and speak alike, and each ends with whom to ask.
"""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined

from governance.consent.handling import NOT_STATED, Party
from serving.bootstrap import Keepwell
from serving.pages.preference_words import wording, wordings


class Language(NamedTuple):
    """One language a page can be read in: its tag, its own name, and where that page is."""

    locale: str
    name: str
    href: str


class Address(NamedTuple):
    """Where a page can be opened again: its path, its link's token, and the notice before it."""

    path: str
    token: str
    notice: str = ""

    def within(self, lang: str) -> str:
        """Give the same page, relative to this one; in the browser's language without `lang`."""
        query = {"token": self.token} | ({"lang": lang} if lang else {})
        query |= {"notice": self.notice} if self.notice else {}
        return f"{self.path}?{urlencode(query)}"


def render_public(
    keepwell: Keepwell,
    locales: Sequence[str],
    template: str,
    *,
    address: Address | None = None,
    **values: object,
) -> str:
    """Fill `templates/<template>`; with an `address` it can be read in every language there is."""
    common = wording(locales)
    handling = keepwell.settings.controller.handling()
    controller = handling.controllers[0]
    own = "" if controller.name == NOT_STATED else controller.name
    filled = {
        "locale": common.locale,
        "common": common.page,
        "company": own,
        "demo": common.page["demo"] if keepwell.kind == "demo" else "",
        "reach": _stated(controller),
        "authority": [] if handling.authority is None else _stated(handling.authority),
        "languages": [] if address is None else _languages(address),
    }
    return environment().get_template(template).render(filled | values)


@cache
def environment() -> Environment:
    """Give the templates of these pages."""
    return Environment(
        loader=PackageLoader("serving.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _languages(address: Address) -> list[Language]:
    return [
        Language(each.locale, each.page["language"], address.within(each.locale))
        for each in wordings().values()
    ]


def _stated(party: Party) -> list[str]:
    return [each for each in (party.name, party.address, party.contact) if each != NOT_STATED]
