"""The models that may serve now: one per target, from plain files, never without approval."""

import threading
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection

from features.definitions import FeatureDefinition
from governance.errors import IntegrityBroken, NotFound
from governance.proof import Approval
from governance.review import champion
from serving.home import Home
from training.bundle import LoadedModel, load, probe

ASK_AGAIN = timedelta(seconds=1)
"""How long an answer about who may serve is kept; a revoked approval stops serving within this."""


class Champion(NamedTuple):
    """A loaded model with the definitions of its features, in the order of its columns."""

    model: LoadedModel
    definitions: tuple[FeatureDefinition, ...]

    @property
    def purposes(self) -> tuple[str, ...]:
        """Every purpose its features name, beside the one it scores for, sorted."""
        named = {purpose for each in self.definitions for purpose in each.purposes}
        return tuple(sorted(named - {self.model.purpose}))


class NotLoaded(Exception):
    """An approved model is not in memory yet; load it outside the transaction and ask again."""

    def __init__(self, digest: str) -> None:
        super().__init__(digest)
        self.digest = digest


class Champions:
    """Keeps loaded bundles; which of them may serve the database is asked every second."""

    def __init__(self, home: Home, *, home_kind: str) -> None:
        self._home = home
        self._kind = home_kind
        self._loaded: dict[str, Champion] = {}
        self._asked: dict[str, tuple[datetime, Approval | None]] = {}
        self._loading = threading.Lock()

    def of(
        self, conn: Connection, target: str, *, now: datetime
    ) -> tuple[Champion, Approval] | None:
        """Give the model approved for `target` and its approval; None when there is none.

        What a demo or evaluation home signed for itself never serves in a production home.

        Raises `NotLoaded` when that model must be brought in by `load` first.
        """
        approval = self._approval(conn, target, now)
        if approval is None or (approval.self_signed and self._kind == "production"):
            return None
        approval.require(approval.model_digest, now=now)
        found = self._loaded.get(approval.model_digest)
        if found is None:
            raise NotLoaded(approval.model_digest)
        return found, approval

    def _approval(self, conn: Connection, target: str, now: datetime) -> Approval | None:
        asked_at, approval = self._asked.get(target, (None, None))
        stale = asked_at is None or not timedelta(0) <= now - asked_at < ASK_AGAIN
        if stale or (approval is not None and now >= approval.expires_at):
            approval = champion(conn, target, now=now)
            self._asked[target] = now, approval
        return approval

    def load(self, digest: str) -> Champion:
        """Bring a bundle into memory: checked, tried in a child process, then loaded, once.

        Raises `NotFound` or `IntegrityBroken`; models that serve already are not disturbed.
        """
        with self._loading:
            if digest in self._loaded:
                return self._loaded[digest]
            probe(self._home.bundles / digest, expected_digest=digest)
            found = open_bundle(self._home, digest)
            self._loaded = {**self._loaded, digest: found}
            return found


def open_bundle(home: Home, digest: str) -> Champion:
    """Read the bundle with this digest from the home; raises `NotFound` or `IntegrityBroken`."""
    directory = home.bundles / digest
    if not directory.is_dir():
        raise NotFound(
            f"the files of model {digest[:12]}… are not in {home.bundles.name}/",
            hint="restore them from a backup, or train again",
        )
    model = load(directory, expected_digest=digest)
    definitions = tuple(FeatureDefinition.from_json(each) for each in model.definitions)
    if tuple(each.name for each in definitions) != model.names:
        raise IntegrityBroken(
            f"model {digest[:12]}… names other features than it defines", hint="train again"
        )
    return Champion(model, definitions)
