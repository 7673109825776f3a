"""The page about a contact: how it came about, and why someone else was not contacted."""

from governance.log.decision import recent
from serving.interventions.choosing.run import run_interventions
from serving.record.dossier import write_dossier
from tests.serving.conftest import Shop
from tests.serving.lived import NOTE, awake_desk, candidate


def page(shop: Shop, outcome: str) -> str:
    with shop.keepwell.database.read() as conn:
        [found] = [
            each for each in recent(conn, limit=9, kind="contact") if each.outcome == outcome
        ]
    html, _ = write_dossier(shop.keepwell, found.decision_id, now=shop.clock())
    return html.read_text(encoding="utf-8")


def asked(shop: Shop) -> Shop:
    shop.order("bob", 30)
    shop.permit("ann", "outreach.email")
    run_interventions(
        awake_desk(shop.keepwell),
        NOTE,
        [candidate("ann", 0.9, None), candidate("bob", 0.9, None)],
        outside_contacts={},
        clock=shop.clock,
    )
    return shop


def test_the_page_of_a_contact_says_how_it_came_about(regular: Shop) -> None:
    told = page(asked(regular), "cleared")

    assert "How it came about" in told
    assert "rule: risk, and what is expected of the playbook" in told
    assert "chance of being contacted once chosen" in told


def test_the_page_of_a_contact_holds_the_message_and_who_decided(regular: Shop) -> None:
    told = page(asked(regular), "cleared")

    assert NOTE.subject in told
    assert "No person had to decide." in told
    assert "No estimate spoke for it." in told


def test_the_page_of_someone_left_alone_says_why(regular: Shop) -> None:
    assert "Not contacted: outreach.email: no record." in page(asked(regular), "refused")
