"""How entries hang together: hashes, links, signatures and Merkle roots. Values in, values out."""

import hashlib
from collections.abc import Sequence

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from governance.canonical import canonical

GENESIS = "0" * 64
"""The link before the first entry."""


def entry_digest(seq: int, recorded_at: int, kind: str, body: str, prev_hash: str) -> str:
    """Give the hash, in hex, over every column of an entry but its signature."""
    message = canonical([seq, recorded_at, kind, body, prev_hash])
    return hashlib.sha256(b"keepwell ledger entry\n" + message.encode()).hexdigest()


def link_of(entry_hash: str, signature: str) -> str:
    """Give what the next entry hangs on: the hash of an entry together with its signature."""
    message = f"keepwell ledger link\n{entry_hash}\n{signature}"
    return hashlib.sha256(message.encode()).hexdigest()


def is_signed(key: Ed25519PublicKey, entry_hash: str, signature: str) -> bool:
    """Whether the signature is the key's over this entry, written in the one way it is."""
    try:
        raw = bytes.fromhex(signature)
        key.verify(raw, bytes.fromhex(entry_hash))
    except (InvalidSignature, ValueError, TypeError):
        return False
    return raw.hex() == signature


def merkle_root(leaves: Sequence[str | bytes]) -> str:
    """Give the RFC 6962 Merkle root, in hex; the order of the leaves counts."""
    if not leaves:
        return hashlib.sha256(b"").hexdigest()
    level = [
        hashlib.sha256(b"\x00" + (x.encode() if isinstance(x, str) else x)).digest() for x in leaves
    ]
    while len(level) > 1:
        paired = [
            hashlib.sha256(b"\x01" + level[i] + level[i + 1]).digest()
            for i in range(0, len(level) - 1, 2)
        ]
        level = paired + level[len(paired) * 2 :]
    return level[0].hex()
