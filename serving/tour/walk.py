"""How far one visitor came: a sealed token, so that the browser keeps it and the home need not.

It stands in the address of the page and in its forms. What it names was really done, is read anew
each time it is shown, and belongs to one customer of the tour.
"""

from typing import NamedTuple

from serving.keys import HomeKeys
from serving.link_seals import seal, unseal

_KIND = "tour"
_LIST = ","


class Walk(NamedTuple):
    """Whom a visitor follows, and the ids of what they did; empty for what they did not.

    `before` and `after` are the scores around the newest event, `refused` the verdict after the
    permission was withdrawn, `again` the one after it was given back. `asked` are the verdicts of
    the playbooks, `contact` the intervention they led to.
    """

    customer_id: str
    before: str = ""
    event: str = ""
    after: str = ""
    withdrawn: str = ""
    refused: str = ""
    given: str = ""
    again: str = ""
    asked: tuple[str, ...] = ()
    contact: str = ""

    @property
    def decisions(self) -> tuple[str, ...]:
        """Every verdict the walk names."""
        named = (self.before, self.after, self.refused, self.again, *self.asked)
        return tuple(each for each in named if each)

    @property
    def score(self) -> str:
        """The newest verdict on the score."""
        return self.again or self.refused or self.after or self.before


def walk_token(keys: HomeKeys, walk: Walk) -> str:
    """Write a walk so that nobody else can have written it."""
    parts = [
        walk.customer_id.encode().hex(),
        *walk[1:8],
        _LIST.join(walk.asked),
        walk.contact,
    ]
    return seal(keys, _KIND, parts)


def read_walk(keys: HomeKeys, token: str) -> Walk | None:
    """Read a walk; None when the seal does not fit."""
    parts = unseal(keys, _KIND, token)
    if parts is None or len(parts) != len(Walk._fields):
        return None
    customer_id, before, event, after, withdrawn, refused, given, again, asked, contact = parts
    return Walk(
        bytes.fromhex(customer_id).decode(),
        before,
        event,
        after,
        withdrawn,
        refused,
        given,
        again,
        tuple(each for each in asked.split(_LIST) if each),
        contact,
    )
