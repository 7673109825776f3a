"""What weighs beside risk when not everyone can be contacted: shown effects, and stated margins."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from serving.bootstrap import Keepwell
from serving.crm.margins import margins_of
from serving.interventions.choosing.worth import Effect
from serving.interventions.playbooks.playbook import Playbook
from serving.trials.shown import shown_effects

_PURPOSE = "risk_scoring"


class Stakes(NamedTuple):
    """The effect each playbook's own experiment showed, and each customer's margin if stated."""

    effects: Mapping[str, Effect]
    margins: Mapping[str, float] | None


def stakes_of(
    keepwell: Keepwell, playbooks: Sequence[Playbook], people: Sequence[str], *, now: datetime
) -> Stakes:
    """Look up what is known; margins count where the company states them in `[costs]` alone."""
    outreach = [each.name for each in playbooks if each.kind == "outreach"]
    effects = shown_effects(keepwell, outreach, now=now)
    if keepwell.settings.costs is None or not outreach:
        return Stakes(effects, None)
    with keepwell.database.read() as conn:
        found = margins_of(keepwell, conn, purpose=_PURPOSE, stated=None, as_of=now, now=now)
    if found.everyone is not None:
        return Stakes(effects, dict.fromkeys(people, found.everyone))
    return Stakes(effects, found.own)
