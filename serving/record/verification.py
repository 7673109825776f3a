"""Reading the whole log, and holding everything it speaks of against it."""

import json
from typing import Any, NamedTuple

from governance.consent.sealed import check_consents
from governance.errors import InvalidInput
from governance.log.decision import check_commitments
from governance.log.ledger import SignedHead, verify
from governance.review.candidates import check_models
from governance.signing.record import check_reviews
from serving.access.key_check import check_keys
from serving.bootstrap import Keepwell

_SHOWN = 10


class LogChecked(NamedTuple):
    """What came of it: `outcome` is intact, broken or truncated.

    `first_bad` is the first entry that is wrong or missing, and `reason` says how; with such an
    entry nothing else is held against the log, and `decisions` and `consents`, how many were, are
    None. `changed_…` name up to ten each of what is not as it was logged.
    """

    entries: int
    outcome: str
    first_bad: int | None
    reason: str
    decisions: int | None = None
    changed_decisions: tuple[str, ...] = ()
    consents: int | None = None
    changed_consents: tuple[str, ...] = ()
    changed_signatures: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Give plain JSON."""
        return {name: each for name, each in self._asdict().items() if name != "reason"}


def check_log(keepwell: Keepwell, *, head: SignedHead | None = None) -> LogChecked:
    """Check every entry, link and signature, every decision and word of consent, models and keys.

    With an exported `head` a log that was cut off since is found. Takes a few seconds per hundred
    thousand entries. Raises `IntegrityBroken` for a head this home did not sign.
    """
    with keepwell.database.snapshot() as conn:
        found = verify(conn, keepwell.keys.ledger.public_key(), head=head)
        if found.outcome != "intact":
            return LogChecked(found.entries, found.outcome, found.first_bad, found.reason)
        decided, said = check_commitments(conn), check_consents(conn)
        signed = (*check_reviews(conn), *check_models(conn), *check_keys(conn))
    changed = decided.bad or said.bad or signed
    return LogChecked(
        entries=found.entries,
        outcome="broken" if changed else "intact",
        first_bad=None,
        reason="something is not as it was logged" if changed else found.reason,
        decisions=decided.checked,
        changed_decisions=tuple(decided.bad[:_SHOWN]),
        consents=said.checked,
        changed_consents=tuple(said.bad[:_SHOWN]),
        changed_signatures=signed[:_SHOWN],
    )


def read_head(text: str) -> SignedHead:
    """Read an exported head; raises `InvalidInput` for what is none."""
    try:
        return SignedHead.from_json(json.loads(text))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise InvalidInput(
            "this is not a ledger head",
            hint="export one with: keepwell --json ledger head > head.json",
        ) from None
