"""How entries hang together: hashes, links, signatures and Merkle roots. Values in, values out."""

import hashlib
from collections.abc import Iterable

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


class MerkleRoot:
    """The RFC 6962 Merkle root of leaves that come one after the other; their order counts."""

    def __init__(self) -> None:
        self._whole: list[tuple[int, bytes]] = []  # trees of 2^n leaves, the largest first

    def add(self, leaf: str | bytes) -> None:
        """Take the next leaf."""
        content = leaf.encode() if isinstance(leaf, str) else leaf
        size, node = 1, hashlib.sha256(b"\x00" + content).digest()
        whole = self._whole
        while whole and whole[-1][0] == size:
            node = hashlib.sha256(b"\x01" + whole.pop()[1] + node).digest()
            size *= 2
        whole.append((size, node))

    def hex(self) -> str:
        """Give the root of the leaves so far."""
        if not self._whole:
            return hashlib.sha256(b"").hexdigest()
        root = self._whole[-1][1]
        for _, node in reversed(self._whole[:-1]):
            root = hashlib.sha256(b"\x01" + node + root).digest()
        return root.hex()


def merkle_root(leaves: Iterable[str | bytes]) -> str:
    """Give the RFC 6962 Merkle root, in hex; the order of the leaves counts."""
    found = MerkleRoot()
    for leaf in leaves:
        found.add(leaf)
    return found.hex()
