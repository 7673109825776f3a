"""Enrolled signing keys: the public half of every `audit:sign` API key, and whose it is."""

from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import Connection, insert, update

from governance.errors import InvalidInput
from governance.tables import signing_keys


def signing_key_from_secret(secret: str) -> Ed25519PrivateKey:
    """Derive the signing key of an `audit:sign` API key from its secret (HKDF-SHA256)."""
    if len(secret) < 16:
        raise InvalidInput("a signing secret needs at least 16 characters")
    derive = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"keepwell signing key")
    return Ed25519PrivateKey.from_private_bytes(derive.derive(secret.encode()))


def public_text(key: Ed25519PublicKey) -> str:
    """Give a public key as hex, the form in which it is enrolled."""
    return key.public_bytes_raw().hex()


def enrol(conn: Connection, key_id: str, owner: str, public_key: str, *, now: datetime) -> None:
    """Let the owner of this key sign models; raises `InvalidInput` for a key without an owner."""
    if not owner.strip():
        raise InvalidInput("a signing key belongs to a person: its owner is empty")
    row = {
        "key_id": key_id,
        "owner": owner.strip(),
        "public_key": public_key,
        "enrolled_at": now,
        "revoked_at": None,
    }
    conn.execute(insert(signing_keys), row)


def revoke(conn: Connection, key_id: str, *, now: datetime) -> None:
    """Take a key out of use; what it signed before stays signed."""
    open_key = signing_keys.c.revoked_at.is_(None)
    conn.execute(
        update(signing_keys).where(signing_keys.c.key_id == key_id, open_key).values(revoked_at=now)
    )
