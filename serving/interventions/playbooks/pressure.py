"""Nudges against people: keys a playbook cannot have, and phrases a message should not use.

What works by pressure, by default or by hiding a choice is refused where it can be seen from the
file. Words are harder to judge by a list, so a phrase that presses is only pointed out.
"""

import re
from collections.abc import Iterable

_REFUSED_KEYS = (
    *("autoenrol", "autorenew", "autoaccept", "autoadd", "preticked", "prechecked", "preselected"),
    *("defaultyes", "defaulton", "optout", "negativeoption", "countdown", "timer", "urgency"),
    *("scarcity", "stockleft", "limitedtime", "lastchance", "fakereview", "socialpressure"),
    *("confirmsham", "shaming", "guilt", "hiddencost", "hiddenfee", "obstruct", "darkpattern"),
    *("hideunsubscribe", "hidestop", "hardtocancel", "nagging"),
)

_PHRASES = (
    # English
    r"last chance",
    r"(?:only|just) (?:today|tonight|until|\d+ (?:left|hours|days|minutes))",
    r"(?:offer|deal|price) (?:ends|expires)",
    r"(?:act|buy|order|hurry|upgrade|decide) (?:now|fast|today|immediately)",
    r"hurry(?: up)?",
    r"don['’]t miss(?: out)?",
    r"(?:limited|running out of) (?:time|offer|stock)",
    r"before it['’]s too late",
    r"(?:final|last) (?:notice|reminder|warning)",
    r"you(?:['’]ll| will) (?:lose|regret)",
    r"everyone else (?:has|is)",
    r"selling (?:out )?fast",
    r"no,? i (?:don['’]t|do not) want",
    # German
    r"letzte (?:chance|mahnung|möglichkeit|erinnerung)",
    r"nur (?:noch |bis )?(?:heute|kurze zeit|\d+ (?:stunden|tage|stück|plätze))",
    r"(?:jetzt|sofort|schnell) (?:zugreifen|kaufen|handeln|bestellen|zuschlagen)",
    r"beeilen sie sich|beeil dich",
    r"verpass(?:en sie)?(?: das)? nicht(?:s)?",
    r"solange der vorrat reicht",
    r"sonst (?:verlieren|verpassen) sie",
)
_PRESSING = re.compile("|".join(rf"\b(?:{each})\b" for each in _PHRASES), re.IGNORECASE)


_SELLING = re.compile(
    r"\b(?:buy|discounts?|upgrades?|(?:special |our )offers?|offers? (?:ends?|for you)|loans?|"
    r"(?:on|for) sale|sales? (?:now|ends?)|premium|vouchers?|coupons?|"
    r"kaufen|rabatte?|angebote?|gutscheine?|kredite?|günstiger|ermäßigung)\b"
    r"|\d ?(?:%|percent|prozent) (?:off|less|günstiger|weniger|rabatt)",
    re.IGNORECASE,
)


def is_refused_key(name: str) -> bool:
    """Whether a key names a nudge that works against people, however it is spelt."""
    letters = re.sub(r"[^a-z]", "", name.casefold())
    return any(each in letters for each in _REFUSED_KEYS)


def pressing_phrases(texts: Iterable[str]) -> tuple[str, ...]:
    """Give the phrases that press people, as they stand in these texts, each once.

    English and German are looked at. An empty answer does not say that a text is kind.
    """
    found = [match.group().casefold() for text in texts for match in _PRESSING.finditer(text)]
    if any("!!" in text for text in texts):
        found.append("!!")
    return tuple(dict.fromkeys(found))


def selling_words(texts: Iterable[str]) -> tuple[str, ...]:
    """Give the words that sound like a sale, as they stand in these texts, each once."""
    found = (match.group().casefold() for text in texts for match in _SELLING.finditer(text))
    return tuple(dict.fromkeys(found))
