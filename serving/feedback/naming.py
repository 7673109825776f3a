"""Words of the feedback hub name nobody: what looks like a person is refused at the door."""

import re

from sqlalchemy import Connection, select

from features.tables import customers
from features.text.narratives import redact
from governance.errors import InvalidInput
from serving.bootstrap import Keepwell

LONGEST = 400
_TOKEN = re.compile(r"[^\s,;:!?()\"'“”]{2,200}")
_MARKS = ("[e-mail]", "[number]", "[account]", "[name]")


def naming_nobody(keepwell: Keepwell, conn: Connection, text: str, *, what: str) -> str:
    """Give a text trimmed, once it is sure to hold no address, number to call or customer's id.

    Raises `InvalidInput`, which never repeats what was found.
    """
    said = " ".join(text.split())
    if not said:
        raise InvalidInput(f"the {what} has no words", hint=f"say the {what} in a few words")
    if len(said) > LONGEST:
        raise InvalidInput(f"the {what} has {len(said)} characters, at most {LONGEST} are kept")
    hint = "say what could be better without saying whom it happened to"
    marked = redact(said)
    if any(mark in marked and mark not in said for mark in _MARKS):
        raise InvalidInput(f"the {what} seems to hold an address, a number or a name", hint=hint)
    tokens = {each.strip(".-") for each in _TOKEN.findall(said)}
    ids = {keepwell.inside_id(token) for token in tokens if token}
    known = select(customers.c.customer_id).where(customers.c.customer_id.in_(sorted(ids)))
    if conn.execute(known.limit(1)).first() is not None:
        raise InvalidInput(f"the {what} holds the id of a customer", hint=hint)
    return said
