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

_STEMS = (
    *("wellbeing", "well_being", "sentiment", "emotion", "mood", "happiness", "perma_", "who5"),
    *("(?<!im)pulse", "self_rated", "stress", "anxi", "depress", "lonel", "burn_?out"),
    *("frustrat", "despair", "desperat", "worry", "worri", "misera", "misery", "grief", "suicid"),
    *("fatigue", "exhausted", "exhaustion", "hopeless", "overwhelm", "(?<!con)(?<!re)strain"),
    *("heart", "sleep", "insomnia", "blood", "breath", "hrv", "illness", "sick", "diagnos"),
    *("debt", "hardship", "overdraft", "arrears", "insolv", "bankrupt", "dunning", "poverty"),
    *("wohlbefinden", "stimmung", "verzweif", "einsam", "erschöpf", "schlaf", "herz", "krank"),
    *("schulden", "überschuld", "mahnung", "armut", "(?<![a-zäöüß])(?:angst|sorge)"),
)
"""Beginnings of words that speak of how someone is faring, in English and German."""

_WORDS = re.compile("|".join(_STEMS))


def sensitive_features(definitions: Sequence[FeatureDefinition]) -> tuple[str, ...]:
    """Name those that read well-being, sentiment or stress, and all that are made of them.

    A feature does so if it needs the permission for well-being, reads the tone of texts, readings
    of a body or failed payments, the answers to any survey but one about the company itself
    (csat, nps, ces), or says so by a word in its name, its kinds, the property it reads or the
    values it keeps. A company's own function that may read every kind counts as one, too: what it
    looks at cannot be told from outside, so it states its kinds where something is sold.
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
    if each.aggregate == "function" and not each.kinds:
        return True
    if "survey" in each.kinds and _asks_how_people_fare(each):
        return True
    kept = (f"{key}={value}" for key, value in each.where)
    stated = (each.name, *each.kinds, each.column, each.function, *kept)
    return any(_WORDS.search(re.sub(r"[\s-]+", "_", text.casefold())) for text in stated)


def _asks_how_people_fare(each: FeatureDefinition) -> bool:
    """Whether a feature of survey answers reads other instruments than those about the company."""
    asked = [value for key, value in each.where if key == "instrument"]
    if asked:
        return not ABOUT_US.issuperset(asked)
    all_alike = each.column == "" and not each.where and each.aggregate != "function"
    return not all_alike
