"""What is done with personal data for each purpose, in words and in the W3C's terms.

One table, read by records, receipts and whoever else must say what a purpose means.
"""

from collections.abc import Mapping
from typing import NamedTuple

from governance.consent.purposes import OBJECTION


class DataCategory(NamedTuple):
    """A kind of personal data: its term in the vocabulary, in words, and whether it is special."""

    term: str
    title: str
    special: bool = False


class Processing(NamedTuple):
    """What is done for one purpose; `logic` and `consequence` are those of GDPR art. 13 (2) f."""

    purpose: str
    title: str
    data: tuple[DataCategory, ...]
    operations: tuple[str, ...]
    automated: bool
    logic: str
    consequence: str
    source: str = "your own dealings with the company"


_ORDERS = DataCategory("pd:Transactional", "orders, payments and returns")
_HABITS = DataCategory("pd:Behavioral", "visits, clicks and use of the service")
_TALKS = DataCategory("pd:Communication", "messages, calls and tickets, when and how many")
_ANSWERS = DataCategory("pd:Opinion", "answers to surveys")
_NO_DECISION = "Nothing is decided about you."
_NO_ESTIMATE = "No estimate about you is made."

_PROCESSING: Mapping[str, Processing] = {
    "risk_scoring": Processing(
        purpose="dpv:CustomerRelationshipManagement",
        title="to estimate whether you may leave",
        data=(_ORDERS, _HABITS, _TALKS, _ANSWERS),
        operations=("dpv:Collect", "dpv:Store", "dpv:Profiling", "dpv:Infer"),
        automated=True,
        logic="A statistical model adds up what your own history says about how likely you are to "
        "leave, and states its reasons and how sure it is.",
        consequence="You may be offered help or be asked how you are doing. You lose nothing: no "
        "price, service or claim depends on it.",
    ),
    "model_training": Processing(
        purpose="dpv:ResearchAndDevelopment",
        title="to learn from your history what helps customers",
        data=(_ORDERS, _HABITS, _TALKS, _ANSWERS),
        operations=("dpv:Collect", "dpv:Store", "dpv:Use"),
        automated=False,
        logic="Your history, without your name, is one example among many from which a model "
        "learns. " + _NO_ESTIMATE,
        consequence=_NO_DECISION,
    ),
    "wellbeing_inference": Processing(
        purpose="dpv:CustomerCare",
        title="to infer how you are faring",
        data=(
            DataCategory("pd:MentalHealth", "how you seem to be faring", special=True),
            DataCategory("pd:Communication", "what you write, for its tone and feelings"),
            _ANSWERS,
            _HABITS,
        ),
        operations=("dpv:Collect", "dpv:Store", "dpv:Profiling", "dpv:Infer"),
        automated=True,
        logic="Signals from your answers, your texts and your dealings are weighed into an index "
        "with a margin of error; the weights are stated.",
        consequence="You may be offered help. It is never used to sell you anything.",
    ),
    "research_text": Processing(
        purpose="dpv:ResearchAndDevelopment",
        title="to let people read what you wrote, to learn from it",
        data=(DataCategory("pd:Communication", "what you wrote"),),
        operations=("dpv:Store", "dpv:Analyse", "dpv:Use"),
        automated=False,
        logic=_NO_ESTIMATE,
        consequence=_NO_DECISION,
    ),
    "fairness_audit": Processing(
        purpose="dpv:LegalCompliance",
        title="to check that nobody is treated worse",
        data=(
            DataCategory("pd:Demographic", "age group, gender and the like, where you gave them"),
            DataCategory("pd:Profile", "estimates made about you, and what came of them"),
        ),
        operations=("dpv:Store", "dpv:Analyse"),
        automated=False,
        logic="Figures over groups of people are compared. " + _NO_ESTIMATE,
        consequence=_NO_DECISION,
    ),
    "operations": Processing(
        purpose="dpv:ServiceProvision",
        title="to serve you",
        data=(_ORDERS, _TALKS, DataCategory("pd:Contact", "how you can be reached")),
        operations=("dpv:Collect", "dpv:Store", "dpv:Use"),
        automated=False,
        logic=_NO_ESTIMATE,
        consequence="The person who serves you sees your history.",
    ),
    "aggregate": Processing(
        purpose="dpv:OptimisationForController",
        title="to count customers, never fewer than five",
        data=(_ORDERS, _HABITS, _TALKS, _ANSWERS),
        operations=("dpv:Store", "dpv:Analyse"),
        automated=False,
        logic=_NO_ESTIMATE,
        consequence=_NO_DECISION,
    ),
    "outreach": Processing(
        purpose="dpv:DirectMarketing",
        title="to write to you or call you",
        data=(DataCategory("pd:Contact", "how you can be reached"), _ORDERS),
        operations=("dpv:Store", "dpv:Use"),
        automated=True,
        logic="Whom it is likely to help is chosen by an estimate, if you allow that, and within "
        "limits on how often; some are left out by lot, to learn whether it helps.",
        consequence="You may be contacted, at most as often as the company's limit says.",
    ),
    "sharing": Processing(
        purpose="dpv:CommunicationManagement",
        title="to pass data on to another company",
        data=(_ORDERS, DataCategory("pd:Contact", "how you can be reached")),
        operations=("dpv:Store", "dpv:Share"),
        automated=False,
        logic=_NO_ESTIMATE,
        consequence="The recipient that you allowed gets the data.",
    ),
    OBJECTION: Processing(
        purpose="dpv:DirectMarketing",
        title="to write to you or call you, and to estimate for that",
        data=(DataCategory("pd:Contact", "how you can be reached"), _ORDERS),
        operations=("dpv:Store",),
        automated=False,
        logic=_NO_ESTIMATE,
        consequence="You are not contacted for marketing, nor is anything estimated for it.",
    ),
}


def handled(family: str) -> Processing:
    """Say what is done for a purpose, or a family of purposes."""
    return _PROCESSING[family]
