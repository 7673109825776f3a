"""What the log holds of the consent record: a digest of every word, and of what is said of people.

A digest covers a whole row and is salted by what goes with the row (the id of the word, a random
salt), so that the log proves what is there and gives away nothing of what was erased.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Boolean, Connection, Integer, Row, Table, select, type_coerce

from governance.canonical import canonical
from governance.consent.record import EVENT_COLUMNS, ConsentEvent
from governance.errors import InvalidInput
from governance.instants import UtcInstant, to_micros
from governance.tables import consent_events, consent_subjects, ledger_entries

_PAGE = 2_000
_SLICE = 500
_FEW_ENTRIES = 20  # one may hold a thousand words


class ConsentCheck(NamedTuple):
    """How many words were compared with the log, and what does not fit it."""

    checked: int
    bad: tuple[str, ...]


def word_digest(event: ConsentEvent) -> str:
    """Give what the log holds of a word: everything that was recorded, salted by its id."""
    return _digest(
        "word",
        {"seq": event.sequence} | {name: _plain(getattr(event, name)) for name in EVENT_COLUMNS},
    )


def sealed_subject(conn: Connection, customer_id: str) -> dict[str, Any]:
    """Give what the log holds of what is said of a person: its number and a salted digest."""
    query = _raw(consent_subjects).where(consent_subjects.c.customer_id == customer_id)
    row = conn.execute(query).one()
    return {"seq": row.seq, "digest": _digest_of("subject", row)}


def runs(numbers: Sequence[int]) -> list[list[int]]:
    """Write numbers shortly, as first and last of each unbroken run."""
    found: list[list[int]] = []
    for number in sorted(numbers):
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return found


def check_consents(conn: Connection) -> ConsentCheck:
    """Compare the consent record with the log; finds what was edited, put in or taken out.

    What an erasure or a logged retention took may be gone, and nothing else. Words that an earlier
    version logged without a digest are only counted. Verify the ledger itself first.
    """
    allowed = _Allowed.read(conn)
    bad, logged = [], _Numbers()
    first: int | None = None
    for words in _logged_words(conn):
        rows = _rows_by_seq(conn, [word.seq for word in words])
        for word in words:
            logged.add(word.seq)
            first = word.seq if first is None else min(first, word.seq)
            problem = _problem(word, rows.get(word.seq), allowed)
            if problem is not None:
                bad.append(f"word {word.seq} {problem}")
    checked, before = 0, 0
    for seq in _all_sequences(conn):
        checked += 1
        if seq in logged:
            continue
        if before < allowed.words_before and (first is None or seq < first):
            before += 1
        else:
            bad.append(f"word {seq} was never logged")
    bad.extend(_bad_subjects(conn, allowed))
    return ConsentCheck(checked, tuple(bad))


class _Word(NamedTuple):
    seq: int
    person: str
    digest: str


class _Numbers:
    """A set of whole numbers that are small and close together: one bit each."""

    def __init__(self) -> None:
        self._bits = bytearray()

    def add(self, number: int) -> None:
        place = number >> 3
        if place >= len(self._bits):
            self._bits.extend(bytes(place + 1 - len(self._bits)))
        self._bits[place] |= 1 << (number & 7)

    def __contains__(self, number: int) -> bool:
        place = number >> 3
        return 0 <= place < len(self._bits) and bool(self._bits[place] & (1 << (number & 7)))


class _Allowed(NamedTuple):
    """What the log says may be gone, and how many words it tells of without a digest."""

    erased: frozenset[str]
    forgotten: _Numbers
    words_before: int

    @classmethod
    def read(cls, conn: Connection) -> "_Allowed":
        erased, forgotten, before = set(), _Numbers(), 0
        for kind, body in _entries(conn, "erasure", "retention", "consent", "consents"):
            if kind == "erasure":
                erased.add(body.get("person"))
            elif kind == "retention":
                for start, end in body.get("words", ()):
                    for number in range(start, end + 1):
                        forgotten.add(number)
            elif kind == "consent":
                before += "digest" not in body
            elif "words" not in body:
                before += body["leaves"]
        return cls(frozenset(each for each in erased if each), forgotten, before)


def _problem(word: _Word, row: Row[Any] | None, allowed: _Allowed) -> str | None:
    may_be_gone = word.person in allowed.erased or word.seq in allowed.forgotten
    if row is None:
        return None if may_be_gone else "is gone"
    if may_be_gone:
        return "is back, though the log says that it went"
    return None if _digest_of("word", row) == word.digest else "is not as it was said"


def _bad_subjects(conn: Connection, allowed: _Allowed) -> Iterator[str]:
    """Compare what is said of people with the last the log holds of each."""
    last: dict[str, dict[str, Any]] = {}
    for _, body in _entries(conn, "subject"):
        last[body["person"]] = body
    sealed = {body["seq"]: body for body in last.values() if "digest" in body}
    found = _Numbers()
    before = sum("digest" not in body and who not in allowed.erased for who, body in last.items())
    for row in conn.execute(_raw(consent_subjects)):
        given = sealed.get(row.seq)
        if given is None:
            before -= 1
            if before < 0:
                yield f"the description numbered {row.seq} was never logged"
            continue
        found.add(row.seq)
        if _digest_of("subject", row) != given["digest"] or given["person"] in allowed.erased:
            yield f"the description of {given['person']} is not as it was given"
    for seq, body in sealed.items():
        if seq not in found and body["person"] not in allowed.erased:
            yield f"the description of {body['person']} is gone"


def _logged_words(conn: Connection) -> Iterator[list[_Word]]:
    for kind, body in _entries(conn, "consent", "consents"):
        if kind == "consents":
            yield [_Word(*word) for word in body.get("words", ())]
        elif "digest" in body:
            yield [_Word(body["seq"], body["person"], body["digest"])]


def _entries(conn: Connection, *kinds: str) -> Iterator[tuple[str, dict[str, Any]]]:
    entry, after = ledger_entries.c, 0
    query = select(entry.seq, entry.kind, entry.body).where(entry.kind.in_(kinds))
    while True:
        page = query.where(entry.seq > after).order_by(entry.seq).limit(_FEW_ENTRIES)
        rows = conn.execute(page).all()
        for row in rows:
            yield row.kind, json.loads(row.body)
        if len(rows) < _FEW_ENTRIES:
            return
        after = rows[-1].seq


def _rows_by_seq(conn: Connection, numbers: Sequence[int]) -> Mapping[int, Row[Any]]:
    found: dict[int, Row[Any]] = {}
    for start in range(0, len(numbers), _SLICE):
        wanted = consent_events.c.seq.in_(numbers[start : start + _SLICE])
        query = _raw(consent_events).where(wanted)
        found.update({row.seq: row for row in conn.execute(query)})
    return found


def _all_sequences(conn: Connection) -> Iterator[int]:
    seq = consent_events.c.seq
    query, after = select(seq).order_by(seq).limit(_PAGE), None
    while True:
        page = query if after is None else query.where(seq > after)
        numbers = conn.execute(page).scalars().all()
        yield from numbers
        if len(numbers) < _PAGE:
            return
        after = numbers[-1]


def _raw(table: Table) -> Any:
    """Read every column as it lies there, so that what cannot be understood is found, too."""
    kinds = {UtcInstant: BigInteger, Boolean: Integer}
    return select(
        *(
            type_coerce(column, kinds[type(column.type)]).label(column.name)
            if type(column.type) in kinds
            else column
            for column in table.c
        )
    )


def _digest_of(use: str, row: Row[Any]) -> str:
    try:
        return _digest(use, {str(name): _plain(value) for name, value in row._mapping.items()})
    except InvalidInput:
        return "it holds what no word can"


def _digest(use: str, fields: Mapping[str, Any]) -> str:
    return hashlib.sha256(f"keepwell consent {use}\n{canonical(fields)}".encode()).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return to_micros(value)
    return int(value) if isinstance(value, bool) else value
