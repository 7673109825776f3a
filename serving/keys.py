"""A home's secrets: made once, each in its own file that only the owner may read."""

import os
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from governance.errors import ConfigurationError, IntegrityBroken

_NAMES = ("ledger", "pseudonym", "suppression", "journal", "holdout", "webhook", "links")


@dataclass(frozen=True)
class HomeKeys:
    """Seven independent keys of 32 bytes; losing one says nothing about another.

    `ledger` signs the log; `pseudonym` names people in evaluation homes; `suppression` keeps erased
    people erased; `journal` seals the journal; `holdout` assigns people to arms; `webhook` signs
    what is sent out; `links` seals the links people follow without a login.
    """

    ledger: Ed25519PrivateKey = field(repr=False)
    pseudonym: bytes = field(repr=False)
    suppression: bytes = field(repr=False)
    journal: bytes = field(repr=False)
    holdout: bytes = field(repr=False)
    webhook: bytes = field(repr=False)
    links: bytes = field(repr=False)

    @property
    def ledger_public(self) -> Ed25519PublicKey:
        """What the log is verified with."""
        return self.ledger.public_key()


def create_keys(directory: Path) -> HomeKeys:
    """Make every key that is not there yet; an existing key is never replaced."""
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o700)
    for name in _NAMES:
        _create(directory / f"{name}.key")
    return load_keys(directory)


def _create(path: Path) -> None:
    """Make one key, whole from the first moment it can be seen."""
    if path.exists():
        return
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(32))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):  # another process was quicker
            os.link(draft, path)
    finally:
        draft.unlink()


def load_keys(directory: Path) -> HomeKeys:
    """Read the keys of a home; raises `ConfigurationError` naming every missing or open one.

    A home from before there were links gets their key now: all it could lose is links.
    """
    if all((directory / f"{name}.key").exists() for name in _NAMES if name != "links"):
        _create(directory / "links.key")
    problems: list[str] = []
    found: dict[str, bytes] = {}
    for name in _NAMES:
        path = directory / f"{name}.key"
        if not path.exists():
            problems.append(f"{path.name} is missing")
            continue
        if path.stat().st_mode & 0o077:
            problems.append(f"{path.name} can be read by others, must be mode 0600")
            continue
        found[name] = path.read_bytes()
    if problems:
        raise ConfigurationError(
            problems, source=str(directory), hint="restore the keys from where they are kept safe"
        )
    short = [name for name, value in found.items() if len(value) != 32]
    if short:
        raise IntegrityBroken(
            f"{', '.join(short)}: a key of {directory} is not 32 bytes long",
            hint="restore the keys from where they are kept safe",
        )
    return HomeKeys(
        ledger=Ed25519PrivateKey.from_private_bytes(found["ledger"]),
        pseudonym=found["pseudonym"],
        suppression=found["suppression"],
        journal=found["journal"],
        holdout=found["holdout"],
        webhook=found["webhook"],
        links=found["links"],
    )
