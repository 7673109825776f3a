"""Why there is no estimate, or nobody was contacted, in plain words: the same on every page."""

from collections.abc import Mapping

_CHANNELS: Mapping[str, str] = {"email": "e-mail", "sms": "text message"}
_WORDS: Mapping[str, str] = {
    # what they permit
    "no_record": "they were never asked",
    "requested": "they were asked and have not answered",
    "deferred": "they want to decide later",
    "refused": "they said no",
    "withdrawn": "they took their permission back",
    "revoked": "their permission was revoked",
    "invalidated": "their permission was found invalid",
    "expired": "their permission has ended",
    "not_yet": "their permission has not begun",
    "not_explicit": "this needs a more explicit yes than they gave",
    "notice_changed": "the words changed since they agreed; they have to be asked again",
    "objected": "they objected",
    "minor": "they are not of age",
    "age_unknown": "it is not known whether they are of age",
    "employee": "they work here: nothing is estimated about them",
    "suppressed": "they were erased",
    "permission_changed": "they changed their mind meanwhile",
    "unknown": "what they said is not known",
    "malformed": "the record cannot be read",
    "unreachable": "the registry could not be asked",
    # what an estimate rests on
    "no_history": "nothing is known yet that an estimate could rest on",
    "not_active": "they did not order for too long, or never did",
    "too_few_reports": "there are too few answers of their own",
    "merged_into_another": "their events count for another id of the same person",
    "no_model": "no approved model answers this at the moment",
    "model_stale": "the model is too old to be asked",
    "history_damaged": "their history could not be read",
    # what a playbook is for, and how much is enough
    "outside_range": "the playbook is meant for other estimates, or for other reasons",
    "evaluation_home": "an evaluation home contacts nobody",
    "mode_observe": "the mode is observe: nobody is contacted",
    "commercial_model_reads_wellbeing": "nothing is sold by a model that reads how people fare",
    "fairness_not_shown": "the model was not shown to treat groups alike",
    "contacts_fall_unevenly": "contacts would fall unevenly on groups",
    "held_out": "they are left alone by lot, to learn whether it helps",
    "answered_before": "this very occasion was answered before",
    "already_under_way": "the same is under way already",
    "cool_down": "they had the same not long ago",
    "contact_cap": "they were contacted as often in 30 days as may be",
    "contact_cap_week": "they were contacted as often in 7 days as may be",
    "budget_used_up": "the budget of the run is used up",
    "channel_used_up": "the channel is used up",
    "another_playbook_chosen": "another playbook was chosen for them",
    "experiment_shows_harm": "its experiment shows harm",
    "contested": "a decision behind it is contested",
}


def say_refusal(reason: str) -> str:
    """Say a refusal as a clause: `outreach.email: refused` is "they said no (e-mail)"."""
    purpose, colon, why = reason.rpartition(": ")
    said = _WORDS.get(why, why.replace("_", " "))
    if not colon:
        return said
    about = purpose.removeprefix("outreach.")
    return f"{said} ({channel_words(about)})"


def channel_words(channel: str) -> str:
    """Name a channel, or what else is permitted, as people do."""
    return _CHANNELS.get(channel, channel.replace("_", " "))
