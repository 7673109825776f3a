"""Why there is no score, or nobody was contacted, in plain words."""

from collections.abc import Mapping

_WORDS: Mapping[str, str] = {
    "no_record": "never asked",
    "refused": "said no",
    "withdrawn": "took it back",
    "expired": "the permission ran out",
    "objected": "objected",
    "notice_changed": "not asked again since the terms changed",
    "contact_cap": "contacted often enough",
    "contact_cap_week": "contacted within the last week",
    "cool_down": "the same was sent not long ago",
    "held_out": "held out of an earlier test",
    "already_under_way": "already under way",
    "another_playbook_chosen": "another playbook does more",
    "budget_used_up": "the budget was used up",
    "permission_changed": "the permission changed meanwhile",
    "outside_range": "not meant for such a score",
    "not_active": "no order for too long, or none ever",
    "no_history": "nothing happened yet",
}


def say_refusal(reason: str) -> str:
    """Say a refusal in plain words: `outreach.email: withdrawn` is "took it back (e-mail)"."""
    purpose, colon, why = reason.rpartition(": ")
    said = _WORDS.get(why, why.replace("_", " "))
    if not colon:
        return said
    about = purpose.removeprefix("outreach.").replace("email", "e-mail").replace("_", " ")
    return f"{said} ({about})"
