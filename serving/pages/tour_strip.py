"""The tour's six words, and the customers to choose from: on the first page and on the tour."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from serving.keys import HomeKeys
from serving.tour.cast import Player
from serving.tour.walk import Walk, walk_token

Step = Literal["event", "score", "reason", "permission", "intervention", "outcome"]


class Stop(NamedTuple):
    """One step of the strip: its word, and what it is about."""

    name: Step
    title: str
    about: str


STRIP = (
    Stop("event", "Event", "Something happens to a customer."),
    Stop("score", "Score", "An estimate changes, and says how sure it is."),
    Stop("reason", "Reason", "It says why, in words that add up."),
    Stop("permission", "Permission", "Taken back, and the next score is refused."),
    Stop("intervention", "Intervention", "A person decides about what costs or matters."),
    Stop("outcome", "Outcome", "A draw by lot shows whether it helped."),
)


class Choice(NamedTuple):
    """One customer to follow, with the token that begins the walk."""

    player: Player
    token: str


def choices(keys: HomeKeys, players: Sequence[Player]) -> tuple[Choice, ...]:
    """Give whom a visitor may follow."""
    return tuple(Choice(each, walk_token(keys, Walk(each.customer_id))) for each in players)
