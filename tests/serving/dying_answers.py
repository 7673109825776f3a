"""A service that dies by SIGKILL while it answers; a test runs it as a real child process."""

from datetime import datetime
from pathlib import Path
from typing import Any

from serving.bootstrap import open_home
from serving.record import kept_answers
from serving.rights import complaints
from tests.serving.conftest import Clock, Shop
from tests.serving.dying import die
from tests.serving.test_api import Crm

DYING = ("before it is done", "before it is answered")


def complain_and_die(
    root: str, key: str, point: str, path: str, body: dict[str, Any], now: str
) -> None:
    """Send one complaint under the key k1 and die before or after its effect."""
    if point == "before":
        complaints.add_complaint = die
    else:
        kept_answers.keep = die
    shop = Shop(open_home(Path(root)), Clock(datetime.fromisoformat(now)))
    crm = Crm(shop)
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": "k1"}
    crm.http.post(path, json=body, headers=headers)
