"""Which features of a model read how a person is faring: well-being, sentiment or stress.

Nothing is ever sold to somebody because they are faring worse, so no commercial playbook may rest
on a model with one of these, whatever the file that defines the features calls them.
"""

import re
from collections.abc import Sequence

from features.definitions import FeatureDefinition
from features.wellbeing.scheme import PURPOSE
from serving.interventions.playbooks.question import ABOUT_US

_KINDS = frozenset({"wearable", "payment_failed"})
"""Kinds that tell of a body or of money running short, by their mere number."""

_WORDS = re.compile(
    "wellbeing|well_being|sentiment|emotion|stress|mood|anxi|depress|lonel|burn_?out|distress|"
    "happiness|perma_|who5|pulse_|hardship",
)


def sensitive_features(definitions: Sequence[FeatureDefinition]) -> tuple[str, ...]:
    """Name those that read well-being, sentiment or stress, and all that are made of them.

    A feature does so if it needs the permission for well-being, reads the tone of texts, readings
    of a body or failed payments, the answers to any survey but one about the company itself
    (csat, nps, ces), or says so by its name or the property it reads.
    """
    found = {each.name for each in definitions if _reads(each)}
    while True:
        made = {each.name for each in definitions if found.intersection(each.of)} - found
        if not made:
            return tuple(each.name for each in definitions if each.name in found)
        found |= made


def _reads(each: FeatureDefinition) -> bool:
    if PURPOSE in each.purposes or each.column == "sentiment" or _KINDS.intersection(each.kinds):
        return True
    if "survey" in each.kinds and _asks_how_people_fare(each):
        return True
    stated = (each.name, each.column, each.function, *(f"{k}={v}" for k, v in each.where))
    return any(_WORDS.search(text.casefold()) for text in stated)


def _asks_how_people_fare(each: FeatureDefinition) -> bool:
    """Whether a feature of survey answers reads other instruments than those about the company."""
    asked = [value for key, value in each.where if key == "instrument"]
    if asked:
        return asked[0] not in ABOUT_US
    counts_alone = each.column == "" and each.aggregate != "function"
    return not counts_alone
