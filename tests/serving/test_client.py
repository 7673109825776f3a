"""A client made from the OpenAPI document by a standard generator does what a CRM needs."""

import importlib
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.serving.conftest import Shop
from tests.serving.test_api import Crm

GENERATOR = "openapi_python_client"


def generate(document: dict[str, Any], folder: Path) -> None:
    """Make the client as docs/api.md says, into `folder`."""
    (folder / "openapi.json").write_text(json.dumps(document))
    (folder / "config.yml").write_text("post_hooks: []\n")
    command = [sys.executable, "-W", "ignore", "-m", GENERATOR, "generate"]
    command += ["--path", "openapi.json", "--output-path", "keepwell_client", "--meta", "none"]
    done = subprocess.run(
        [*command, "--config", "config.yml"],
        cwd=folder, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert (done.returncode, "Warning" in done.stdout + done.stderr) == (0, False), done


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    pytest.importorskip(GENERATOR)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_a_generated_client_scores_sends_events_and_withdraws(regular: Shop, folder: Path) -> None:
    crm = Crm(regular)
    generate(crm.http.get("/v1/openapi.json").json(), folder)

    def part(name: str) -> ModuleType:
        return importlib.import_module(f"keepwell_client.{name}")

    def api(name: str) -> Any:
        return part(f"api.{name}").sync

    models = part("models")
    client = part("client").AuthenticatedClient(base_url="http://testserver", token="kw_1_x")
    client.set_httpx_client(crm.http)

    ask = models.ScoreRequest(inputs=[models.ScoreInput(customer_id="ann")], targets=["churn"])
    scored = api("scores.create_scores")(client=client, body=ask)
    [result] = scored.results
    assert result.status == "scored"
    assert 0 < result.scores["churn"].probability < 1

    event = models.SentEvent(
        customer_id="ann", kind="order", occurred_at=regular.clock(), event_id="A-1", value=9.5
    )
    sent = models.EventsRequest(events=[event])
    send = api("events.send_events")
    first, again = (send(client=client, body=sent, idempotency_key="k1") for _ in range(2))
    assert (first.written, again.written) == (1, 1)

    withdraw = api("consents.withdraw_consent")
    assert withdraw("ann", "risk_scoring", client=client).state == "withdrawn"
    assert api("scores.create_scores")(client=client, body=ask).results[0].status == "refused"

    page = api("customers.list_customers")(client=client, limit=1)
    assert ([each.customer_id for each in page.results], page.next_) == (["ann"], None)
    problem = api("customers.get_customer")("nobody", client=client)
    assert (type(problem).__name__, problem.code) == ("Problem", "not_found")
