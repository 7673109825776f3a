"""A model is marked when someone it learned from changes their mind."""

import pytest

from governance.lineage import note_people
from governance.review.reviews import champion
from serving.permission.consents import withdraw
from serving.rights.acts import erase, export
from serving.watching.monitoring import monitor
from serving.watching.retraining import LeftSince, left_since
from tests.serving.conftest import Shop

PEOPLE = [f"c{k}" for k in range(9)]


@pytest.fixture
def trained(regular: Shop) -> Shop:
    """Nine people permit training, and the model that serves learned from them."""
    for who in PEOPLE:
        regular.order(who, 10)
        regular.permit(who, "model_training")
    keepwell = regular.keepwell
    with keepwell.database.write() as conn:
        approval = champion(conn, "churn", now=regular.clock())
        assert approval is not None
        persons = set(keepwell.persons.person_ids(conn, PEOPLE).values())
        note_people(
            conn,
            model_digest=approval.model_digest,
            dataset_digest="d",
            persons=persons,
            now=regular.clock(),
        )
    return regular


def left(shop: Shop) -> LeftSince:
    now = shop.clock()
    with shop.keepwell.database.read() as conn:
        approval = champion(conn, "churn", now=now)
        assert approval is not None
        found = left_since(shop.keepwell, conn, approval, now=now)
    assert found is not None
    return found


def leaves(shop: Shop, *people: str) -> None:
    for who in people:
        withdraw(shop.keepwell, who, "model_training", actor="customer", clock=shop.clock)


def test_a_withdrawal_marks_the_model_for_retraining_by_its_next_review(trained: Shop) -> None:
    assert left(trained).said == ""
    leaves(trained, *PEOPLE[:6])
    assert left(trained).gone == 6
    assert left(trained).said == (
        "6 of the 9 people it learned from no longer permit it: train it again by 2027-06-01"
    )


def test_an_erasure_marks_it_too(trained: Shop) -> None:
    erase(trained.keepwell, "c1", now=trained.clock())
    assert left(trained).gone == 1


def test_one_persons_choice_is_not_told_as_a_number(trained: Shop) -> None:
    leaves(trained, "c1")
    assert left(trained).said.startswith("fewer than 5 of the 9")


def test_monitoring_says_so_and_the_model_goes_on_until_then(trained: Shop) -> None:
    leaves(trained, "c1")
    look = monitor(trained.keepwell, trained.keepwell.target("churn"), clock=trained.clock)
    assert any("no longer permit it" in reason for reason in look.standing.reasons)
    assert look.standing.status != "retrain"


def test_people_learn_which_models_learned_from_them(trained: Shop) -> None:
    found = export(trained.keepwell, "c1", now=trained.clock())
    assert [each["dataset_digest"] for each in found["trained_into"]] == ["d"]
