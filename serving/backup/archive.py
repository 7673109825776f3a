"""A tar of named members with a manifest at its end; read back only if every byte is as written."""

import fcntl
import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import IO, Any, NamedTuple

from governance.canonical import canonical
from governance.errors import IntegrityBroken, InvalidInput

FORMAT = 1
PARTIAL = ".partial"
"""Ends the name of an archive that is being written, or whose writer was killed."""

_MANIFEST = "manifest.json"
_PLACES = ("home", "tables")
_AT_ONCE = 1 << 20
_SHOWN = 5


class Member(NamedTuple):
    """One file of the archive: its sha256 and how many bytes it has."""

    sha256: str
    bytes: int


@dataclass(frozen=True)
class Manifest:
    """What an archive holds: of which home, as of when, and every member.

    `rows` counts by table; `journal_position` and `journal_seal` say up to where the database knew
    the journal; `has_keys` and `has_mlruns` whether those are in it.
    """

    taken_at: str
    version: str
    kind: str
    revision: str
    dialect: str
    journal_position: int
    journal_seal: str | None
    has_keys: bool
    has_mlruns: bool
    rows: Mapping[str, int] = field(default_factory=dict)
    members: Mapping[str, Member] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """The sha256 over everything stated, and so over every byte of every member."""
        return hashlib.sha256(canonical(self._plain()).encode()).hexdigest()

    def to_bytes(self) -> bytes:
        """Give the manifest as it lies in the archive."""
        return json.dumps({**self._plain(), "digest": self.digest}, indent=1).encode()

    def _plain(self) -> dict[str, Any]:
        members = {name: list(each) for name, each in sorted(self.members.items())}
        return {"format": FORMAT, **asdict(self), "members": members}

    @classmethod
    def from_bytes(cls, found: bytes) -> "Manifest":
        """Read a manifest; raises `IntegrityBroken` unless it is as it was written."""
        try:
            stated = json.loads(found)
            digest, number = stated.pop("digest"), stated.pop("format")
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise _damaged(_MANIFEST) from None
        if number != FORMAT:
            raise InvalidInput(
                f"the archive has format {number!r}, this version reads {FORMAT}",
                hint="restore it with the version that wrote it, then upgrade",
            )
        try:
            members = {name: Member(*each) for name, each in stated.pop("members").items()}
            read = cls(**stated, members=members)
        except (TypeError, AttributeError):
            raise _damaged(_MANIFEST) from None
        if not _is_well_formed(read) or read.digest != digest:
            raise _damaged(_MANIFEST)
        return read


def _is_well_formed(manifest: Manifest) -> bool:
    """Whether every field is of its type and the instant is one; JSON may hold anything."""
    texts = (manifest.taken_at, manifest.version, manifest.kind, manifest.revision)
    seal, rows = manifest.journal_seal, manifest.rows
    try:
        aware = all(isinstance(each, str) for each in (*texts, manifest.dialect)) and (
            datetime.fromisoformat(manifest.taken_at).tzinfo is not None
        )
    except ValueError:
        aware = False
    return (
        aware
        and _is_count(manifest.journal_position)
        and (seal is None or isinstance(seal, str))
        and isinstance(manifest.has_keys, bool)
        and isinstance(manifest.has_mlruns, bool)
        and isinstance(rows, dict)
        and all(_is_count(each) for each in rows.values())
        and all(
            isinstance(each.sha256, str) and _is_count(each.bytes)
            for each in manifest.members.values()
        )
    )


def _is_count(found: object) -> bool:
    return isinstance(found, int) and not isinstance(found, bool) and found >= 0


class Writing:
    """Takes members one by one; `finish` puts the manifest behind them."""

    def __init__(self, tar: tarfile.TarFile, *, mtime: int) -> None:
        self._tar = tar
        self._mtime = mtime
        self.members: dict[str, Member] = {}

    def add_bytes(self, name: str, content: bytes) -> None:
        """Add a member from memory."""
        self.add_file(name, io.BytesIO(content), len(content))

    def add_file(self, name: str, file: IO[bytes], size: int) -> None:
        """Add a member of `size` bytes, reading it once."""
        info = tarfile.TarInfo(_checked(name))
        info.size, info.mode, info.mtime = size, 0o600, self._mtime
        reader = _Hashing(file)
        self._tar.addfile(info, reader)
        self.members[name] = Member(reader.sha256.hexdigest(), size)

    def finish(self, manifest: Manifest) -> None:
        """Add the manifest: without it nothing counts as an archive."""
        content = manifest.to_bytes()
        info = tarfile.TarInfo(_MANIFEST)
        info.size, info.mode, info.mtime = len(content), 0o600, self._mtime
        self._tar.addfile(info, io.BytesIO(content))


@contextmanager
def write_archive(path: Path, *, mtime: int) -> Iterator[Writing]:
    """Write a new archive, readable by the owner alone; it gets its name when it is whole.

    Raises `InvalidInput` if there is a file of this name, or another process is writing it.
    """
    if path.exists():
        raise InvalidInput(f"{path} is there already", hint="name a new file; none is overwritten")
    partial = path.with_name(path.name + PARTIAL)
    descriptor = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InvalidInput(
                f"another process is writing {path}", hint="wait for it, or name another file"
            ) from None
        try:
            os.fchmod(file.fileno(), 0o600)
            file.truncate()
            with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
                yield Writing(tar, mtime=mtime)
            file.flush()
            os.fsync(file.fileno())
            os.link(partial, path)  # unlike a renaming it never overwrites
        finally:
            partial.unlink(missing_ok=True)
    _flush_folder(path.parent)


def unpack(path: Path, into: Path | None) -> Manifest:
    """Read every member, and write it below `into` where given; gives the manifest.

    Names that lead elsewhere, links and devices are refused. Raises `IntegrityBroken` naming every
    member that is not as it was written, is missing, or is more than there should be: what lies
    below `into` then must not be used.
    """
    found: dict[str, Member] = {}
    manifest: Manifest | None = None
    try:
        with tarfile.open(path, mode="r:") as tar:
            for info in tar:
                if manifest is not None or not info.isreg() or info.name in found:
                    raise _strange(info.name)
                file = tar.extractfile(info)
                assert file is not None  # of a regular file there is one
                if info.name == _MANIFEST:
                    manifest = Manifest.from_bytes(file.read())
                    continue
                place = None if into is None else into / _checked(info.name)
                found[_checked(info.name)] = _copy(file, place)
    except (tarfile.TarError, EOFError, UnicodeError, ValueError) as problem:
        raise _cut_short(path, found, str(problem)) from None
    if manifest is None:
        raise _cut_short(path, found, "it has no manifest")
    _compare(manifest, found)
    return manifest


def _compare(manifest: Manifest, found: Mapping[str, Member]) -> None:
    wrong = [
        name
        for name in sorted(manifest.members.keys() | found.keys())
        if manifest.members.get(name) != found.get(name)
    ]
    if wrong:
        raise _damaged(*wrong)


def _copy(file: IO[bytes], place: Path | None) -> Member:
    sha256, size, target = hashlib.sha256(), 0, None
    if place is not None:
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        target = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        while block := file.read(_AT_ONCE):
            sha256.update(block)
            size += len(block)
            rest = block
            while target is not None and rest:
                rest = rest[os.write(target, rest) :]
        if target is not None:
            os.fsync(target)
    finally:
        if target is not None:
            os.close(target)
    return Member(sha256.hexdigest(), size)


def _checked(name: str) -> str:
    """Refuse a name that is not plainly below one of the two folders of an archive."""
    steps = PurePosixPath(name).parts
    plain = "/".join(steps) == name and not {"..", ".", "/"} & set(steps)
    if not plain or len(steps) < 2 or steps[0] not in _PLACES or "\\" in name or "\x00" in name:
        raise _strange(name)
    return name


class _Hashing:
    """A reader that hashes what passes through it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.sha256 = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """Read on."""
        block = self._file.read(size)
        self.sha256.update(block)
        return block


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _damaged(*names: str) -> IntegrityBroken:
    shown = ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" * (len(names) > _SHOWN))
    return IntegrityBroken(
        f"the archive is damaged: {shown} not as written",
        hint="nothing was restored; take another backup of the same home",
    )


def _cut_short(path: Path, found: Mapping[str, Member], why: str) -> IntegrityBroken:
    last = f"after {list(found)[-1]}" if found else "from the beginning"
    return IntegrityBroken(
        f"{path.name} is no whole archive: it cannot be read {last} ({why})",
        hint="nothing was restored; take another backup of the same home",
    )


def _strange(name: str) -> IntegrityBroken:
    return IntegrityBroken(
        f"the archive holds {name[:80]!r}, which no backup of a home does",
        hint="nothing was restored; whoever made this file is not to be trusted",
    )
