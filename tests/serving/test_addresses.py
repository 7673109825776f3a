"""Addresses of customers: held for e-mails alone, never shown, exported and erased."""

from pathlib import Path
from typing import Any

import pytest

from governance.errors import InvalidInput, NotFound
from governance.log.ledger import entries
from serving.addresses import import_addresses, remove_address, set_address
from serving.interventions.delivery.held_addresses import address_of
from serving.rights.acts import erase, export
from serving.settings import Settings
from tests.serving.conftest import Clock, Shop
from tests.serving.homes import new_home
from tests.serving.test_api import Crm
from tests.serving.test_cli import Commands

ADDRESS = "ann@example.com"


def holds(shop: Shop, customer: str = "ann", address: str = ADDRESS) -> None:
    set_address(shop.keepwell, customer, "email", address, clock=shop.clock)


def held(shop: Shop, customer: str = "ann") -> str | None:
    with shop.keepwell.database.read() as conn:
        found = address_of(conn, customer, "email")
    return None if found is None else found.text


def put(crm: Crm, address: Any, customer: str = "ann") -> Any:
    return crm.http.put(f"/v1/customers/{customer}/addresses/email", json={"address": address})


def test_the_newest_address_is_held(regular: Shop) -> None:
    holds(regular)
    holds(regular, address="ann@tea.example")
    assert held(regular) == "ann@tea.example"


def test_the_log_says_that_an_address_was_held_and_not_which(regular: Shop) -> None:
    holds(regular)
    with regular.keepwell.database.read() as conn:
        bodies = [each.body for each in entries(conn) if each.kind == "address_held"]
    assert len(bodies) == 1
    assert ADDRESS not in bodies[0]
    assert '"ann"' not in bodies[0]


def test_an_address_is_in_the_export_and_gone_after_an_erasure(regular: Shop) -> None:
    holds(regular)
    found = export(regular.keepwell, "ann", now=regular.clock())
    assert [each["address"] for each in found["contact_addresses"]] == [ADDRESS]
    erase(regular.keepwell, "ann", now=regular.clock())
    assert held(regular) is None


def test_someone_of_whom_only_an_address_is_held_can_have_it_erased(shop: Shop) -> None:
    holds(shop, "bob", "bob@example.com")
    erase(shop.keepwell, "bob", now=shop.clock())
    assert held(shop, "bob") is None


def test_no_address_of_the_erased_is_held_again(regular: Shop) -> None:
    erase(regular.keepwell, "ann", now=regular.clock())
    with pytest.raises(NotFound):
        holds(regular)
    assert held(regular) is None


def test_an_evaluation_home_holds_none(tmp_path: Path) -> None:
    clock = Clock()
    shop = Shop(new_home(tmp_path, Settings(kind="evaluation"), now=clock()), clock)
    with pytest.raises(InvalidInput, match="contacts nobody"):
        holds(shop)
    shop.keepwell.close()


def test_a_channel_keepwell_does_not_send_by_holds_none(regular: Shop) -> None:
    with pytest.raises(InvalidInput, match="alone: email"):
        set_address(regular.keepwell, "ann", "sms", "+49 1", clock=regular.clock)


def test_what_is_not_held_cannot_be_removed(regular: Shop) -> None:
    with pytest.raises(NotFound):
        remove_address(regular.keepwell, "ann", "email", clock=regular.clock)


# over HTTP


def test_an_address_is_held_and_removed_over_http(regular: Shop) -> None:
    crm = Crm(regular)
    told = put(crm, ADDRESS)
    assert (told.status_code, told.json()["outcome"]) == (200, "held")
    assert ADDRESS not in told.text
    assert crm.http.delete("/v1/customers/ann/addresses/email").json()["outcome"] == "removed"
    assert crm.http.delete("/v1/customers/ann/addresses/email").status_code == 404


def test_what_is_no_address_is_refused_without_repeating_it(regular: Shop) -> None:
    told = put(Crm(regular), "ann-at-home\r\nBcc: eve@evil.example")
    assert told.status_code == 422
    assert "evil" not in told.text


def test_to_keys_that_may_not_know_a_refusal_the_erased_look_like_anybody(regular: Shop) -> None:
    erase(regular.keepwell, "ann", now=regular.clock())
    blind = Crm(regular, "events:write")
    assert put(blind, ADDRESS).json() == put(blind, ADDRESS, "bob").json() | {"customer_id": "ann"}
    assert blind.http.delete("/v1/customers/ann/addresses/email").status_code == 200
    assert held(regular) is None
    assert put(Crm(regular, "events:write", "consent:read"), ADDRESS).status_code == 404


# from a file and on the command line


def test_addresses_of_a_file_are_held_and_bad_lines_counted(shop: Shop, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("id,mail\nann,ann@example.com\nbob,not-an-address\n,eve@example.com\n")
    found = import_addresses(
        shop.keepwell, file, id_column="id", address_column="mail", clock=shop.clock
    )
    assert (found.held, found.refused, held(shop)) == (1, 2, ADDRESS)
    assert "not-an-address" not in str(found.reasons)


def test_addresses_are_set_and_removed_on_the_command_line(tmp_path: Path) -> None:
    kw = Commands(tmp_path / "home")
    kw("init")
    assert kw("customers", "address", "set", "ann", ADDRESS).json["outcome"] == "held"
    assert kw("customers", "address", "remove", "ann").json["outcome"] == "removed"
    assert kw("customers", "address", "remove", "ann").code == 2
