"""A message that asks for outreach carries the link that stops it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from governance.errors import ConfigurationError
from governance.pseudonym import keyed_token
from serving.interventions.delivery.desk import StopLinks
from serving.keys import create_keys
from tests.serving.interventions.conftest import NOTE, Company

SERVICE = replace(NOTE, name="outage", kind="service")


@pytest.fixture
def reachable(small_company: Company, tmp_path: Path) -> Company:
    """Give a company that says where people reach its service."""
    links = StopLinks(create_keys(tmp_path), "https://privacy.tea.example")
    return Company(replace(small_company.desk, stop_links=links))


def sent(company: Company) -> dict[str, Any]:
    data = json.loads(company.must_claim().message.body)["data"]
    assert isinstance(data, dict)
    return data


def test_an_outreach_message_carries_one_click_unsubscription(reachable: Company) -> None:
    reachable.agrees("ana")
    reachable.runs("ana")
    stop = sent(reachable)["stop"]
    assert stop["url"].startswith("https://privacy.tea.example/stop?token=s~")
    assert "~outreach.email~" in stop["url"]
    assert "ana" not in stop["url"]
    assert stop["headers"] == {
        "List-Unsubscribe": f"<{stop['url']}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


def test_the_link_is_sealed_with_a_key_of_its_own(reachable: Company) -> None:
    reachable.agrees("ana")
    reachable.runs("ana")
    body, _, seal = sent(reachable)["stop"]["url"].partition("token=")[2].rpartition("~")
    assert reachable.desk.stop_links is not None
    keys = reachable.desk.stop_links.keys
    assert keyed_token(keys.links, "link", body).startswith(seal)
    assert not keyed_token(keys.webhook, "link", body).startswith(seal)


def test_outreach_without_an_address_for_its_links_is_refused(small_company: Company) -> None:
    lost = Company(replace(small_company.desk, stop_links=None))
    lost.agrees("ana")
    with pytest.raises(ConfigurationError, match="its messages can hold no links"):
        lost.runs("ana")
    assert lost.messages() == {}


def test_a_service_message_has_nothing_to_unsubscribe_from(reachable: Company) -> None:
    reachable.runs("ana", playbook=SERVICE)
    assert "stop" not in sent(reachable)
