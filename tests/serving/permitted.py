"""A plain model of what is permitted: what people said, and nothing about how it is stored."""

from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

SCORING, EMAIL, WELLBEING = "risk_scoring", "outreach.email", "wellbeing_inference"
PURPOSES = (SCORING, EMAIL, WELLBEING)


class Said(NamedTuple):
    """A word on one purpose; `version` is that of the notice it refers to."""

    at: datetime
    is_yes: bool
    explicit: bool = False
    until: datetime | None = None
    version: int | None = None
    guardian: bool = False


@dataclass
class Person:
    """Everything one person said since they were last erased."""

    said: dict[str, list[Said]] = field(default_factory=dict)
    objected_at: datetime | None = None
    adult_from: datetime | None = None
    erased_at: datetime | None = None
    known: bool = True
    """Whether anything at all is held about them."""

    def newest(self, purpose: str) -> Said | None:
        """The latest word; at the same instant a no counts, else the last that was recorded."""
        words = self.said.get(purpose, [])
        ranked = [(word.at, not word.is_yes, place) for place, word in enumerate(words)]
        return words[max(ranked)[2]] if ranked else None


class No(NamedTuple):
    """A line of the journal: an erasure, an objection, or a no to one purpose."""

    customer_id: str
    what: str
    at: datetime


@dataclass
class Permitted:
    """What each person permits; `notice` and `material` are versions for scoring."""

    people: dict[str, Person]
    notice: int | None = None
    material: int | None = None
    journal: list[No] = field(default_factory=list)

    def permits(self, customer_id: str, purpose: str, now: datetime) -> bool:
        """Whether the purpose is permitted at this instant."""
        person = self.people[customer_id]
        word = person.newest(purpose)
        if person.erased_at is not None or word is None or not word.is_yes:
            return False
        objection = person.objected_at
        lifted = word.explicit and objection is not None and word.at > objection
        return (
            (objection is None or lifted)
            and word.at <= now
            and (word.until is None or now < word.until)
            and (word.explicit or purpose != WELLBEING)
            and (purpose != SCORING or self._under_the_notice(word))
            and (person.adult_from is None or now >= person.adult_from or word.guardian)
        )

    def _under_the_notice(self, word: Said) -> bool:
        if self.notice is None:
            return True
        return word.version is not None and (self.material is None or word.version >= self.material)

    def say(self, customer_id: str, purpose: str, word: Said) -> None:
        """Record a word; a yes brings an erased person back, a no is journalled."""
        person = self.people[customer_id]
        if word.is_yes:
            person.erased_at = None
        else:
            self.journal.append(No(customer_id, purpose, word.at))
        person.said.setdefault(purpose, []).append(word)
        person.known = True

    def stop(self, customer_id: str, purpose: str, now: datetime) -> None:
        """Record a no of this moment: it holds even against a word from a clock that runs ahead."""
        newest = self.people[customer_id].newest(purpose)
        self.say(customer_id, purpose, Said(now if newest is None else max(now, newest.at), False))

    def object(self, customer_id: str, now: datetime) -> None:
        """Record an objection."""
        person = self.people[customer_id]
        person.objected_at = max(now, person.objected_at or now)
        person.known = True
        self.journal.append(No(customer_id, "objection", person.objected_at))

    def erase(self, customer_id: str, now: datetime) -> None:
        """Forget everything but that it was done."""
        self.people[customer_id] = Person(erased_at=now, known=False)
        self.journal.append(No(customer_id, "erasure", now))

    def saved(self) -> "Permitted":
        """Give what a backup holds."""
        return deepcopy(self)

    def restored(self, backup: "Permitted", now: datetime) -> "Permitted":
        """Go back to a backup; every no since is known from the journal, and no yes."""
        found = backup.saved()
        since = self.journal[len(backup.journal) :]
        found.journal = list(self.journal)
        for no in since:
            person = found.people[no.customer_id]
            if not person.known or no.what == "erasure":
                continue
            if no.what == "objection":
                person.objected_at = max(no.at, person.objected_at or no.at)
            else:
                person.said.setdefault(no.what, []).append(Said(no.at, False))
        for no in since:
            if no.what == "erasure" and found.people[no.customer_id].known:
                found.people[no.customer_id] = Person(erased_at=now, known=False)
        return found
