"""What a playbook may do for someone, and the duties that need no marketing permission."""

from collections.abc import Mapping
from typing import NamedTuple


class Action(NamedTuple):
    """One kind of help: what it is, and the one channel it goes by where there is only one."""

    says: str
    channel: str | None = None
    commercial: bool = False


ACTIONS: Mapping[str, Action] = {
    "message": Action("a message that asks how things are, read and answered by a person"),
    "support_call": Action("a person calls, asks what is wrong and helps", channel="phone"),
    "goodwill_gesture": Action("something given without being asked for, free of any purchase"),
    "how_to_help": Action("how to get done what somebody is stuck at"),
    "survey": Action("one question, answered by one click"),
    "plan_advice": Action("which plan fits how it is used, a smaller one included"),
    "reminder": Action("of something somebody asked to be reminded of"),
    "offer": Action("something to buy, at terms that are stated", commercial=True),
    "recommendation": Action("things to buy that fit a stated preference", commercial=True),
    "duty": Action("a message that is owed: payments, disturbances, safety"),
}
"""Everything a playbook can do. What sells is commercial, whatever the file says."""


class Duty(NamedTuple):
    """A message that is owed, word for word, and the stage of the journey it answers if any."""

    subject: str
    body: str
    stage: str | None = None


DUTIES: Mapping[str, Duty] = {
    "failed_payment": Duty(
        "Your payment did not go through",
        "Your last payment did not go through. Nothing is lost: you can try again in your account, "
        "or answer this message and a person will help.",
        stage="after_failed_payment",
    ),
    "outage": Duty(
        "We have a disturbance",
        "One of our services is disturbed at the moment. We are working on it and will tell you "
        "when it is solved.",
    ),
    "safety": Duty(
        "A safety notice about something you bought",
        "There is a safety notice about something you bought from us. Please stop using it and "
        "look at your account for what to do, or answer this message and a person will help.",
    ),
}
"""All that may be sent without marketing permission."""
