"""Enrolled signing keys: the public half of every `audit:sign` API key, whose it is, who says so.

A name beside a key proves nothing by itself: whoever can make keys can type any name, and whoever
owns a process can have it say any user. Therefore a key is vouched for with the *enrolment key*,
whose secret is shown once when a home is made and kept by someone who does not train models;
`governance.review.reviews` holds production homes to that.
"""

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import Connection, insert, select, update

from governance.canonical import canonical, digest
from governance.errors import InvalidInput, PermissionRefused
from governance.instants import to_text
from governance.log.ledger import Ledger
from governance.tables import signing_keys

ENROLMENT = "enrolment"
"""Under this id stands the public half of the enrolment key, which itself signs no review."""
_PREFIX = "kwe_"


class SigningKey(NamedTuple):
    """An enrolled key; `enrolled_by` is the machine's user who made it, `voucher` a signature."""

    key_id: str
    owner: str
    public_key: str
    enrolled_at: datetime
    revoked_at: datetime | None
    enrolled_by: str | None
    voucher: str | None
    expires_at: datetime | None = None

    def signs_at(self, now: datetime) -> bool:
        """Whether it may sign now: neither revoked nor past its end."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


def signing_key_from_secret(secret: str) -> Ed25519PrivateKey:
    """Derive the signing key of an `audit:sign` API key from its secret (HKDF-SHA256)."""
    return _derive(secret, b"keepwell signing key")


def public_text(key: Ed25519PublicKey) -> str:
    """Give a public key as hex, the form in which it is enrolled."""
    return key.public_bytes_raw().hex()


def create_enrolment_key(conn: Connection, ledger: Ledger, *, now: datetime) -> str | None:
    """Make the home's enrolment key and give its secret, once; None when there is one already."""
    if find_key(conn, ENROLMENT) is not None:
        return None
    secret = _PREFIX + secrets.token_urlsafe(32)
    public_key = public_text(_enrolment_key(secret).public_key())
    _insert(
        conn, ledger, SigningKey(ENROLMENT, "the home", public_key, now, None, None, None), now=now
    )
    return secret


def enrol(
    conn: Connection,
    ledger: Ledger,
    key_id: str,
    owner: str,
    public_key: str,
    *,
    now: datetime,
    enrolled_by: str | None = None,
    enrolment_secret: str | None = None,
    expires_at: datetime | None = None,
) -> SigningKey:
    """Let the owner of this key sign models, vouched for where the enrolment secret is given.

    Raises `InvalidInput` for a key without an owner, `PermissionRefused` for an enrolment secret
    that is not this home's.
    """
    if not owner.strip() or key_id == ENROLMENT:
        raise InvalidInput("a signing key belongs to a person: its owner is empty")
    key = SigningKey(key_id, owner.strip(), public_key, now, None, enrolled_by, None, expires_at)
    if enrolment_secret is not None:
        root = find_key(conn, ENROLMENT)
        private_key = _enrolment_key(enrolment_secret)
        if root is None or root.public_key != public_text(private_key.public_key()):
            raise PermissionRefused(
                "this is not the enrolment key of this home",
                purpose="review",
                reason="not_the_enrolment_key",
                hint="it was shown once, when the home was made: kwe_…",
            )
        key = key._replace(voucher=private_key.sign(_vouched_message(key)).hex())
    return _insert(conn, ledger, key, now=now)


def find_key(conn: Connection, key_id: str) -> SigningKey | None:
    """Read an enrolled key, revoked or not."""
    row = conn.execute(select(signing_keys).where(signing_keys.c.key_id == key_id)).one_or_none()
    return None if row is None else SigningKey(**row._mapping)


def list_signing_keys(conn: Connection) -> list[SigningKey]:
    """Read every key that ever could sign a review, in the order of enrolment."""
    query = select(signing_keys).where(signing_keys.c.key_id != ENROLMENT)
    rows = conn.execute(query.order_by(signing_keys.c.enrolled_at, signing_keys.c.key_id))
    return [SigningKey(**row._mapping) for row in rows]


def is_vouched(conn: Connection, key: SigningKey) -> bool:
    """Whether the holder of the enrolment key says that this key is its owner's."""
    root = find_key(conn, ENROLMENT)
    if root is None or key.voucher is None:
        return False
    try:
        public_key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(root.public_key))
        public_key.verify(bytes.fromhex(key.voucher), _vouched_message(key))
    except (InvalidSignature, ValueError):
        return False
    return True


def revoke(conn: Connection, key_id: str, *, now: datetime) -> None:
    """Take a key out of use; what it signed before stays signed."""
    open_key = signing_keys.c.revoked_at.is_(None)
    conn.execute(
        update(signing_keys).where(signing_keys.c.key_id == key_id, open_key).values(revoked_at=now)
    )


def key_digest(key: SigningKey) -> str:
    """Give what the ledger holds of an enrolled key; a revocation does not change it."""
    return digest({**_fields(key), "voucher": key.voucher})


def _insert(conn: Connection, ledger: Ledger, key: SigningKey, *, now: datetime) -> SigningKey:
    conn.execute(insert(signing_keys), key._asdict())
    body = {
        "key_id": key.key_id,
        "digest": key_digest(key),
        "vouched": key.voucher is not None,
    }
    ledger.append(conn, "signing_key", body, now=now)
    return key


def _vouched_message(key: SigningKey) -> bytes:
    return b"keepwell signing key\n" + canonical(_fields(key)).encode()


def _fields(key: SigningKey) -> Mapping[str, str | None]:
    return {
        "key_id": key.key_id,
        "owner": key.owner,
        "public_key": key.public_key,
        "enrolled_at": to_text(key.enrolled_at),
        "enrolled_by": key.enrolled_by,
        "expires_at": None if key.expires_at is None else to_text(key.expires_at),
    }


def _enrolment_key(secret: str) -> Ed25519PrivateKey:
    return _derive(secret.strip(), b"keepwell enrolment key")


def _derive(secret: str, use: bytes) -> Ed25519PrivateKey:
    if len(secret) < 16:
        raise InvalidInput("a signing secret needs at least 16 characters")
    derive = HKDF(algorithm=SHA256(), length=32, salt=None, info=use)
    return Ed25519PrivateKey.from_private_bytes(derive.derive(secret.encode()))
