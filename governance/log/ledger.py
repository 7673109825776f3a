"""An append-only log in which any edit, deletion, insertion or reordering is found and located.

Each entry's hash covers all its columns and the link of the entry before; a link is the hash of an
entry together with its signature by the home's Ed25519 key. So the whole chain hangs on its last
signature, and changing any column of any row breaks it at that row. What is cut off at the end is
found against a head that was exported and kept elsewhere. Bodies hold no personal data.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy import BigInteger, Connection, bindparam, select, type_coerce
from sqlalchemy.dialects import postgresql, sqlite

from governance.canonical import canonical
from governance.errors import IntegrityBroken, InvalidInput
from governance.instants import to_micros
from governance.log.chain import GENESIS, entry_digest, is_signed, link_of, merkle_root
from governance.tables import ledger_entries, ledger_head

_PAGE = 5_000
_BEFORE_ALL = -(2**62)


class LedgerEntry(NamedTuple):
    """One line of the log; `link` is what the next entry hangs on."""

    seq: int
    recorded_at: datetime
    kind: str
    body: str
    prev_hash: str
    entry_hash: str
    signature: str
    link: str


class SignedHead(NamedTuple):
    """Where the log stood: keep it outside, and a later truncation is found against it."""

    seq: int
    link: str
    signature: str

    def to_json(self) -> dict[str, Any]:
        """Give a plain mapping for a file."""
        return self._asdict()

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> "SignedHead":
        """Read an exported head; raises `InvalidInput` when it is not one."""
        try:
            return cls(
                seq=int(found["seq"]),
                link=str(found["link"]),
                signature=str(found["signature"]),
            )
        except (KeyError, TypeError, ValueError, OverflowError):
            raise InvalidInput(
                "this is not an exported ledger head",
                hint="export one with `keepwell ledger head`",
            ) from None


class Verification(NamedTuple):
    """How many entries were read, and whether the log is intact, broken or truncated.

    `first_bad` is the number of the first entry that is wrong or missing; `reason` says how.
    """

    entries: int
    outcome: str
    first_bad: int | None
    reason: str


class Ledger:
    """Appends signed entries; one per home, used by any number of workers."""

    def __init__(self, private_key: Ed25519PrivateKey) -> None:
        self._key = private_key

    @property
    def public_key(self) -> Ed25519PublicKey:
        """The key that verifies what this ledger signs."""
        return self._key.public_key()

    def append(
        self, conn: Connection, kind: str, body: Mapping[str, Any], *, now: datetime
    ) -> LedgerEntry:
        """Add one entry in the caller's transaction, which must be a writing one.

        The head row stays locked until that transaction ends, so append as its last act.
        """
        text, at = canonical(body), to_micros(now)
        previous_seq, previous_link = _lock_head(conn)
        seq = previous_seq + 1
        entry_hash = entry_digest(seq, at, kind, text, previous_link)
        signature = self._key.sign(bytes.fromhex(entry_hash)).hex()
        link = link_of(entry_hash, signature)
        row = {
            "seq": seq,
            "recorded_at": now,
            "kind": kind,
            "body": text,
            "prev_hash": previous_link,
            "entry_hash": entry_hash,
            "signature": signature,
        }
        conn.execute(_INSERT, row)
        conn.execute(_MOVE_HEAD, {"new_seq": seq, "new_link": link})
        return LedgerEntry(seq, now, kind, text, previous_link, entry_hash, signature, link)

    def append_batch(
        self,
        conn: Connection,
        kind: str,
        leaves: Sequence[str | bytes],
        body: Mapping[str, Any],
        *,
        now: datetime,
    ) -> LedgerEntry:
        """Add one entry that commits to many leaves, in this order, by their Merkle root."""
        full = {**body, "leaves": len(leaves), "root": merkle_root(leaves)}
        return self.append(conn, kind, full, now=now)


def head(conn: Connection, private_key: Ed25519PrivateKey) -> SignedHead:
    """Give the signed head of the log as it stands, to be kept outside."""
    seq, link = _read_head(conn)
    return SignedHead(seq, link, private_key.sign(_head_message(seq, link)).hex())


def entries(conn: Connection, *, after: int = 0, limit: int = 100) -> list[LedgerEntry]:
    """Read up to `limit` entries with numbers above `after`, in order."""
    rows = conn.execute(_READ_ENTRIES, {"after": after, "page": limit})
    return [
        LedgerEntry(
            r.seq, r.recorded_at, r.kind, r.body, r.prev_hash, r.entry_hash, r.signature,
            link_of(r.entry_hash, r.signature),
        )
        for r in rows
    ]  # fmt: skip


def verify(
    conn: Connection, public_key: Ed25519PublicKey, head: SignedHead | None = None
) -> Verification:
    """Read the whole log and say whether it is intact, and if not where it first goes wrong.

    With an exported `head` a log that was cut off since is found, too. Raises `IntegrityBroken`
    when that head itself was not signed by this home.
    """
    if head is not None and not _head_is_genuine(public_key, head):
        raise IntegrityBroken(
            "the exported head is not signed by this home's key",
            hint="use the file as it was written by `keepwell ledger head`",
        )
    walk, after = _Walk(conn, public_key, head), _BEFORE_ALL
    while True:
        for row in _rows(conn, after):
            problem = walk.step(row)
            if problem is not None:
                return problem
        try:
            seq, link = _read_head(conn)
        except (ValueError, TypeError):
            return Verification(walk.count, "broken", walk.count, "the head row was edited")
        if seq <= walk.count or next(_rows(conn, walk.count), None) is None:
            return walk.finish(seq, link)
        after = walk.count  # entries came in while we read


class _Walk:
    def __init__(
        self, conn: Connection, public_key: Ed25519PublicKey, head: SignedHead | None
    ) -> None:
        self.conn = conn
        self.key = public_key
        self.head = head
        self.count = 0
        self.link = GENESIS
        self.last: tuple[str, str] | None = None  # entry hash and signature

    def step(self, row: Any) -> Verification | None:
        expected = self.count + 1
        if row.seq != expected:
            return self._bad(expected, "an entry is missing, inserted or out of order")
        if not _is_whole(row):
            return self._bad(expected, "the entry was edited")
        computed = entry_digest(row.seq, row.recorded_at, row.kind, row.body, row.prev_hash)
        if computed != row.entry_hash:
            return self._bad(expected, "the entry was edited")
        if row.prev_hash != self.link:
            return self._forged() or self._bad(
                expected, "the entry does not hang on the one before it"
            )
        self.count = expected
        self.link = link_of(row.entry_hash, row.signature)
        self.last = (row.entry_hash, row.signature)
        if self.head is not None and self.head.seq == expected and self.head.link != self.link:
            return self._forged() or self._bad(
                expected, "the entry is not the one the exported head names"
            )
        return None

    def finish(self, seq: int, link: str) -> Verification:
        forged = self._forged()
        if forged is not None:
            return forged
        if seq > self.count:
            return Verification(
                self.count, "truncated", self.count + 1, "entries are missing at the end"
            )
        if (seq, link) != (self.count, self.link):
            return self._bad(self.count, "the head row does not name the last entry")
        if self.head is not None and self.head.seq > self.count:
            return Verification(
                self.count, "truncated", self.count + 1, "the exported head names a later entry"
            )
        return Verification(self.count, "intact", None, "every entry is as it was written")

    def _forged(self) -> Verification | None:
        """Find where a chain that was hashed anew without the key begins, if the last is of one."""
        if self.last is None or is_signed(self.key, *self.last):
            return None
        for row in _rows(self.conn, _BEFORE_ALL):
            if not is_signed(self.key, row.entry_hash, row.signature):
                return self._bad(int(row.seq), "the signature does not fit the entry")
        return self._bad(self.count, "the signature does not fit the entry")

    def _bad(self, seq: int, reason: str) -> Verification:
        return Verification(self.count, "broken", seq, reason)


_RAW = (
    ledger_entries.c.seq,
    type_coerce(ledger_entries.c.recorded_at, BigInteger).label("recorded_at"),
    ledger_entries.c.kind,
    ledger_entries.c.body,
    ledger_entries.c.prev_hash,
    ledger_entries.c.entry_hash,
    ledger_entries.c.signature,
)
_INSERT = ledger_entries.insert()
_MOVE_HEAD = (
    ledger_head.update()
    .where(ledger_head.c.id == 1)
    .values(seq=bindparam("new_seq"), link=bindparam("new_link"))
)
_READ_HEAD = select(ledger_head.c.seq, ledger_head.c.link).where(ledger_head.c.id == 1)
_LOCK_HEAD = _READ_HEAD.with_for_update()
_READ_ENTRIES = (
    select(ledger_entries)
    .where(ledger_entries.c.seq > bindparam("after"))
    .order_by(ledger_entries.c.seq)
    .limit(bindparam("page"))
)
_READ_RAW = (
    select(*_RAW)
    .where(ledger_entries.c.seq > bindparam("after"))
    .order_by(ledger_entries.c.seq)
    .limit(bindparam("page"))
)
_ANY_ENTRY = select(ledger_entries.c.seq).limit(1)


def _rows(conn: Connection, after: int) -> Iterator[Any]:
    while True:
        page = conn.execute(_READ_RAW, {"after": after, "page": _PAGE}).all()
        yield from page
        if len(page) < _PAGE:
            return
        after = page[-1].seq


def _read_head(conn: Connection) -> tuple[int, str]:
    row = conn.execute(_READ_HEAD).one_or_none()
    return (0, GENESIS) if row is None else (int(row.seq), str(row.link))


def _lock_head(conn: Connection) -> tuple[int, str]:
    row = conn.execute(_LOCK_HEAD).one_or_none()
    if row is None:
        insert = (postgresql if conn.dialect.name == "postgresql" else sqlite).insert
        first = insert(ledger_head).values(id=1, seq=0, link=GENESIS)
        conn.execute(first.on_conflict_do_nothing())
        row = conn.execute(_LOCK_HEAD).one()
        if row.seq == 0 and conn.execute(_ANY_ENTRY).one_or_none() is not None:
            raise IntegrityBroken(
                "the ledger holds entries but its head row is gone",
                hint="run `keepwell ledger verify` and restore the last backup",
            )
    return int(row.seq), str(row.link)


def _is_whole(row: Any) -> bool:
    texts = (row.kind, row.body, row.prev_hash, row.entry_hash, row.signature)
    return type(row.recorded_at) is int and all(type(text) is str for text in texts)


def _head_message(seq: int, link: str) -> bytes:
    return f"keepwell ledger head\n{seq}\n{link}".encode()


def _head_is_genuine(key: Ed25519PublicKey, head: SignedHead) -> bool:
    try:
        key.verify(bytes.fromhex(head.signature), _head_message(head.seq, head.link))
    except (InvalidSignature, ValueError):
        return False
    return True
