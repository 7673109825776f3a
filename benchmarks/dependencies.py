"""Known weaknesses of the locked packages: `python -m benchmarks.dependencies`.

Asks pip-audit, which uv fetches for this one run, about every line of requirements.lock. Exit code
1 when a package has a known weakness. Where nobody can be asked, offline or behind a mirror that
keeps no advisories, it says so and ends with 0: nothing was found is not what it says then.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

LOCK = Path(__file__).parents[1] / "requirements.lock"
_COMMAND = (
    "tool", "run", "pip-audit", "--requirement", str(LOCK), "--require-hashes", "--disable-pip",
    "--progress-spinner", "off", "--format", "json",
)  # fmt: skip
_PATIENCE_S = 600


class Audit(NamedTuple):
    """How many packages were looked at, how many could not be, and what is known of which."""

    looked_at: int
    left_out: int
    known: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """Say it in one sentence."""
        if not self.looked_at:
            return "not audited: whoever answers for packages here keeps no advisories"
        found = f"{len(self.known)} known weaknesses" if self.known else "no known weakness"
        rest = f"; {self.left_out} could not be looked at" if self.left_out else ""
        return f"{self.looked_at} packages looked at, {found}{rest}"


def read(report: str) -> Audit:
    """Read pip-audit's report; raises `ValueError` for anything else."""
    found: Any = json.loads(report)
    packages: Sequence[Any] = found["dependencies"]
    left_out = sum("skip_reason" in each for each in packages)
    known = tuple(
        f"{each['name']} {each['version']}: {weakness['id']}, "
        f"mended in {', '.join(weakness['fix_versions']) or 'no version yet'}"
        for each in packages
        for weakness in each.get("vulns", ())
    )
    return Audit(len(packages) - left_out, left_out, known)


def main() -> int:
    """Audit and report; gives the exit code."""
    uv = Path(sys.executable).parent / "uv"
    try:
        done = subprocess.run(
            [str(uv), *_COMMAND], capture_output=True, text=True, timeout=_PATIENCE_S, check=False
        )
        audit = read(done.stdout)
    except (OSError, subprocess.TimeoutExpired, ValueError, KeyError, TypeError):
        print("dependencies: not audited: pip-audit could not be fetched, or asked nobody")
        return 0
    print(f"dependencies: {audit.verdict}")
    for each in audit.known:
        print(f"  {each}")
    return 1 if audit.known else 0


if __name__ == "__main__":
    sys.exit(main())
