"""What a home really has in force: bases, mode, limits on contact, retention, who may sign."""

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple


class PurposeBasis(NamedTuple):
    """What carries one purpose here; `statement` is the recorded basis or assessment, if any."""

    purpose: str
    basis: str
    statement: str


class Action(NamedTuple):
    """One kind of contact that may come of a score.

    `holdout_share` (0-1) are left alone for `holdout_days` to learn whether it helps; with
    `needs_person` each one waits for a person's yes.
    """

    name: str
    channel: str
    holdout_share: float
    holdout_days: int
    needs_person: bool
    commercial: bool


class Kept(NamedTuple):
    """How long something is kept, in words."""

    what: str
    how_long: str


@dataclass(frozen=True, kw_only=True)
class Practice:
    """The settings of a home that bear on people, as they stand when a report is drawn.

    `mode` is observe (nothing is proposed), advise (a person decides each contact) or act.
    `reviewers` counts enrolled keys that may sign; `recipients` names systems that data leave to.
    """

    home_kind: str
    controller: str
    mode: str
    bases: tuple[PurposeBasis, ...]
    actions: tuple[Action, ...]
    max_contacts: int
    per_days: int
    quiet_from: str
    quiet_until: str
    recipients: tuple[str, ...]
    retention: tuple[Kept, ...]
    keep_text: bool
    age_required: tuple[str, ...]
    protected: tuple[str, ...]
    review_after_days: int
    on_stale: str
    reviewers: int
    min_people: int

    def to_json(self) -> dict[str, Any]:
        """Give plain JSON."""
        plain = asdict(self)
        for name in ("bases", "actions", "retention"):
            plain[name] = [each._asdict() for each in getattr(self, name)]
        return plain | {
            name: list(plain[name]) for name in ("recipients", "age_required", "protected")
        }
