"""A home's texts: who may be read, what the log learns, and which reading is used."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text as sql

from features.text.tagging_file import DEFAULTS, load_rules
from governance.errors import InsufficientData, InvalidInput, PermissionRefused
from governance.instants import to_text
from serving.intake import take_events
from serving.text import home_themes, own_model, rules_for, search_home
from serving.text_training import train_text_model
from tests.serving.conftest import Shop


def write(shop: Shop, customer: str, said: str, kind: str = "diary") -> None:
    sent = {
        "customer_id": customer,
        "kind": kind,
        "event_id": f"{customer}-{kind}-{len(said)}",
        "occurred_at": to_text(shop.clock() - timedelta(days=3)),
        "text": said,
    }
    assert take_events(shop.keepwell, [sent], clock=shop.clock).count("written") == 1


def logged(shop: Shop, kind: str) -> list[dict[str, object]]:
    with shop.keepwell.database.read() as conn:
        found = conn.execute(
            sql("SELECT body FROM ledger_entries WHERE kind = :kind"), {"kind": kind}
        ).scalars()
        return [json.loads(body) for body in found]


def labels(path: Path, *, n: int = 120) -> Path:
    said = [
        f"the gizmo {'hums' if k % 2 else 'clunks'} in the room {k},{k % 2 * 4 + 1}"
        for k in range(n)
    ]
    path.write_text("text,rating\n" + "\n".join(said) + "\n", encoding="utf-8")
    return path


def test_a_search_reads_only_who_permits_it_and_shows_no_id(shop: Shop) -> None:
    write(shop, "ann", "I am ann and my parcel was lost")
    write(shop, "bob", "my parcel is here")
    shop.permit("ann", "research_text")
    found = search_home(shop.keepwell, "parcels", limit=5, now=shop.clock())
    assert [each.text for each in found.excerpts] == ["I am [id] and my parcel was lost"]


def test_after_a_withdrawal_the_next_search_is_refused(shop: Shop) -> None:
    from governance.consent.record import ConsentChange
    from serving.permission.consents import record_all

    write(shop, "ann", "my parcel was lost")
    shop.permit("ann", "research_text")
    change = ConsentChange(customer_id="ann", purpose="research_text", state="withdrawn")
    record_all(shop.keepwell, [change], clock=shop.clock)
    with pytest.raises(PermissionRefused, match="nobody permits research_text"):
        search_home(shop.keepwell, "parcel", limit=5, now=shop.clock())


def test_the_log_learns_that_texts_were_shown_but_not_which(shop: Shop) -> None:
    write(shop, "ann", "my parcel was lost")
    shop.permit("ann", "research_text")
    search_home(shop.keepwell, "parcel", limit=5, now=shop.clock())
    assert logged(shop, "texts_read") == [
        {"where": "search", "purpose": "research_text", "permitted": 1, "texts": 1}
    ]


def test_themes_of_fewer_than_five_people_are_hidden(shop: Shop) -> None:
    for name in ("ann", "bob", "cat", "dan", "eve"):
        write(shop, name, "the parcel is late", "review")
    write(shop, "flo", "a price too high", "review")
    found = home_themes(shop.keepwell, now=shop.clock(), rules=load_rules(DEFAULTS))
    shown = {each.theme: each.people for each in found.figures}
    assert shown["delivery"] == 5
    assert shown["price"] is None


def test_samples_need_their_own_permission(shop: Shop) -> None:
    write(shop, "ann", "the parcel is late")
    shop.permit("ann", "wellbeing_inference")
    rules = load_rules(DEFAULTS)
    with pytest.raises(PermissionRefused):
        home_themes(shop.keepwell, now=shop.clock(), rules=rules, samples=1)
    shop.permit("ann", "research_text")
    found = home_themes(shop.keepwell, now=shop.clock(), rules=rules, samples=1)
    assert [each.text for each in found.samples["delivery"]] == ["the parcel is late"]


def test_a_home_without_history_has_no_themes(shop: Shop) -> None:
    with pytest.raises(InsufficientData):
        home_themes(shop.keepwell, now=shop.clock(), rules=load_rules(DEFAULTS))


def test_a_better_model_replaces_the_word_lists(shop: Shop, tmp_path: Path) -> None:
    assert own_model(shop.keepwell.home) is None
    path = labels(tmp_path / "labels.csv")
    done = train_text_model(shop.keepwell, path, scale=(1, 5), now=shop.clock())
    model = own_model(shop.keepwell.home)
    assert model is not None
    assert model.digest == done.model_digest
    assert [each["model_digest"] for each in logged(shop, "text_model_replaced")] == [model.digest]


def test_too_few_labels_leave_the_word_lists(shop: Shop, tmp_path: Path) -> None:
    path = labels(tmp_path / "labels.csv", n=99)
    with pytest.raises(InsufficientData):
        train_text_model(shop.keepwell, path, scale=None, now=shop.clock())
    assert own_model(shop.keepwell.home) is None


def test_a_scale_must_hold_every_rating(shop: Shop, tmp_path: Path) -> None:
    path = labels(tmp_path / "labels.csv")
    with pytest.raises(InvalidInput, match="does not hold every rating"):
        train_text_model(shop.keepwell, path, scale=(1, 4), now=shop.clock())


def test_a_homes_own_rules_go_before_the_ones_that_come_along(tmp_path: Path) -> None:
    assert len(rules_for(tmp_path).rules) > 10
    own = '[[rule]]\nlayer = "outcome"\ntag = "x"\nany = ["box"]\n'
    (tmp_path / "tagging.toml").write_text(own, encoding="utf-8")
    assert [each.tag for each in rules_for(tmp_path).rules] == ["x"]
