"""The record of processing activities says what the home really does."""

import json
from dataclasses import replace

from serving.rights.acts import erase, export
from serving.rights.export_page import (
    processing_record_text,
    render_export,
    render_processing_record,
)
from serving.rights.processing_record import ProcessingRecord, processing_record
from serving.settings import Settings
from tests.serving.conftest import Shop


def record_of(shop: Shop) -> ProcessingRecord:
    with shop.keepwell.database.read() as conn:
        return processing_record(shop.keepwell, conn, now=shop.clock())


def with_settings(shop: Shop, **stated: object) -> Shop:
    settings = Settings.model_validate(stated)
    return Shop(replace(shop.keepwell, settings=settings), shop.clock)


def test_it_names_what_a_serving_model_uses(regular: Shop) -> None:
    activities = {each.purpose: each for each in record_of(regular).activities}
    assert activities["wellbeing_inference"].used_by == (
        "model churn", "playbook help in hard times", "playbook how are you",
    )  # fmt: skip
    assert activities["wellbeing_inference"].special == ("how you seem to be faring",)
    assert activities["risk_scoring"].basis == "consent"
    assert activities["research_text"].used_by == ()


def test_it_lists_what_the_company_has_not_stated(shop: Shop) -> None:
    assert record_of(shop).missing == (
        "name", "address", "contact", "jurisdiction", "storage_locations", "authority",
    )  # fmt: skip


def test_it_states_controller_recipients_and_retention_from_the_settings(shop: Shop) -> None:
    controller = {
        "name": "Corner Shop",
        "address": "1 High Street",
        "contact": "privacy@corner.example",
        "jurisdiction": "IE",
        "storage_locations": ["IE"],
    }
    stated = with_settings(
        shop,
        controller=controller,
        webhook={"url": "https://crm.example/in"},
        retention={"events_days": 730},
    )
    found = record_of(stated)
    assert found.controllers[0].name == "Corner Shop"
    assert found.recipients == ("crm.example, told whom to contact and how; never a score",)
    assert dict(found.retention)["events of a customer's history"] == "2 years"


def test_all_three_forms_hold_every_activity(regular: Shop) -> None:
    found = record_of(regular)
    for text in (
        json.dumps(found.to_json()),
        processing_record_text(found),
        render_processing_record(found),
    ):
        assert all(each.purpose in text for each in found.activities)


def test_a_page_for_the_customer_says_in_words_what_is_held_and_why(regular: Shop) -> None:
    regular.scorer.score(["ann"], targets=["churn"])
    page = render_export(export(regular.keepwell, "ann", now=regular.clock()))
    for said in (
        "to estimate whether you may leave",
        "last order was 40 days ago",
        "your yes, if you gave it",
        "Contest a decision",
        "until erasure",
    ):
        assert said in page
    assert "http" not in page


def test_someone_who_was_erased_learns_of_the_token_that_is_left(regular: Shop) -> None:
    erase(regular.keepwell, "ann", now=regular.clock())
    found = export(regular.keepwell, "ann", now=regular.clock())
    assert (found["events"], found["consents"], found["person_id"]) == ([], [], None)
    assert found["suppression"]["until"].startswith("2029-05-31")
    assert "You were erased on 2026-06-01" in render_export(found)


def test_the_token_is_lifted_when_the_person_comes_back(regular: Shop) -> None:
    erase(regular.keepwell, "ann", now=regular.clock())
    regular.permit("ann")
    found = export(regular.keepwell, "ann", now=regular.clock())
    assert found["suppression"] is None


def test_what_a_customer_wrote_cannot_become_part_of_the_page(regular: Shop) -> None:
    regular.permit("ann", "outreach.email")
    found = export(regular.keepwell, "ann", now=regular.clock())
    found["events"][0]["text"] = "<script>alert(1)</script>"
    assert "<script>" not in render_export(found)
