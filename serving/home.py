"""Where a company's things lie: one directory, known names inside it."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Home:
    """The paths below one home directory; makes nothing by itself."""

    root: Path

    @property
    def settings_file(self) -> Path:
        """`keepwell.toml`: what the company has decided; optional."""
        return self.root / "keepwell.toml"

    @property
    def playbooks(self) -> Path:
        """What may be done for customers; optional, the starters where there is none."""
        return self.root / "playbooks.toml"

    @property
    def var(self) -> Path:
        """Everything Keepwell writes, apart from MLflow."""
        return self.root / "var"

    @property
    def scores(self) -> Path:
        """Everyone's newest scores, where whoever runs the home has them written there."""
        return self.var / "scores.parquet"

    @property
    def database_file(self) -> Path:
        """The embedded operational database, where no other is configured."""
        return self.var / "keepwell.db"

    @property
    def history(self) -> Path:
        """Immutable Parquet segments of events."""
        return self.var / "history"

    @property
    def keys(self) -> Path:
        """Secrets, readable by the owner alone."""
        return self.var / "keys"

    @property
    def journal(self) -> Path:
        """Erasures and withdrawals, kept outside the backup and replayed after a restore."""
        return self.var / "journal"

    @property
    def bundles(self) -> Path:
        """Models as plain files, one directory per digest."""
        return self.var / "bundles"

    @property
    def reports(self) -> Path:
        """Audit reports and dossiers."""
        return self.var / "reports"

    @property
    def rejects(self) -> Path:
        """Lines that an import could not take, with the reason."""
        return self.var / "rejects"

    @property
    def mlruns(self) -> Path:
        """MLflow's database and artifacts."""
        return self.root / "mlruns"

    @property
    def directories(self) -> tuple[Path, ...]:
        """Every directory of a home, parents first."""
        return (
            self.root,
            self.var,
            self.history,
            self.keys,
            self.journal,
            self.bundles,
            self.reports,
            self.rejects,
            self.mlruns,
        )


def keep_private(folder: Path) -> bool:
    """Close a folder of this user's to everybody else; gives whether it is closed.

    A folder that belongs to another user, or cannot be changed, stays as it is.
    """
    found = folder.stat()
    if os.name != "posix" or not found.st_mode & 0o077:
        return True
    if found.st_uid == os.geteuid():
        with suppress(OSError):  # a disk that is read only, or knows no modes
            folder.chmod(0o700)
    return not folder.stat().st_mode & 0o077
