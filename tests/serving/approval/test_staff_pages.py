"""The approval queue in a session: who may decide, what leads to the next, what is refused."""

import re

from starlette.testclient import TestClient

from serving.http.api import create_app
from serving.interventions.deciding.views import find_intervention
from tests.serving.approval.test_proposals import opened, proposed, tea_shop
from tests.serving.conftest import Shop

__all__ = ["tea_shop"]
ALL = ("intervention:read", "intervention:approve")


class Session:
    """Somebody logged in; `posts` sends a form of their own session."""

    def __init__(self, shop: Shop, *scopes: str) -> None:
        app = create_app(shop.keepwell, shop.scorer, clock=shop.clock)
        self.client = TestClient(app, follow_redirects=False)
        self.client.post("/staff/login", data={"key": shop.key(*scopes)})
        found = re.search(r'name="csrf" value="(\w+)"', self.client.get("/staff").text)
        assert found is not None
        self.csrf = found[1]

    def posts(self, path: str, **form: str) -> tuple[int, str]:
        answer = self.client.post(path, data={"csrf": self.csrf, **form})
        return answer.status_code, answer.headers.get("location", answer.text)


def status(shop: Shop, intervention_id: str) -> str:
    with shop.keepwell.database.read() as conn:
        return str(find_intervention(conn, intervention_id).status)


def test_a_yes_leads_to_the_next_that_waits(tea_shop: Shop) -> None:
    first, second = sorted(proposed(tea_shop, "ann", "ben"))
    kim = Session(tea_shop, *ALL)

    answer = kim.posts(f"/staff/approvals/{first}", act="approve", reason="she wrote")

    assert answer == (303, f"/staff/approvals/{second}?said=approved&of={first}")
    last = kim.posts(f"/staff/approvals/{second}", act="reject", reason="called him")
    assert last == (303, "/staff/approvals?said=rejected")
    assert (status(tea_shop, first), status(tea_shop, second)) == ("queued", "rejected")


def test_nothing_is_decided_without_a_reason_or_with_words_that_may_not_go_out(
    tea_shop: Shop,
) -> None:
    [asked] = proposed(tea_shop, "ann")
    kim = Session(tea_shop, *ALL)

    silent, _ = kim.posts(f"/staff/approvals/{asked}", act="approve")
    code, page = kim.posts(
        f"/staff/approvals/{asked}", act="approve", reason="fits", subject="Hello", body="<b>x</b>"
    )

    assert (silent, code) == (422, 422)
    assert "markup" in page
    assert status(tea_shop, asked) == "proposed"


def test_a_form_of_elsewhere_and_a_key_that_only_reads_decide_nothing(tea_shop: Shop) -> None:
    [asked] = proposed(tea_shop, "ann")
    kim, reader = Session(tea_shop, *ALL), Session(tea_shop, "intervention:read")

    foreign = kim.client.post(
        f"/staff/approvals/{asked}", data={"csrf": reader.csrf, "act": "approve", "reason": "x"}
    )
    code, _ = reader.posts(f"/staff/approvals/{asked}", act="approve", reason="fits")

    assert (foreign.status_code, code) == (403, 403)
    assert status(tea_shop, asked) == "proposed"


def test_only_what_was_read_is_decided_in_one_go(tea_shop: Shop) -> None:
    first, second = sorted(proposed(tea_shop, "ann", "ben"))
    kim = Session(tea_shop, *ALL)
    picked = {f"pick.{first}": "1", f"pick.{second}": "1"}
    opened(tea_shop, first)

    code, page = kim.posts("/staff/approvals", act="reject", reason="not now", **picked)
    opened(tea_shop, second)
    answer = kim.posts("/staff/approvals", act="reject", reason="not now", **picked)

    assert code == 422
    assert "1 of 2 were not opened" in page
    assert answer == (303, "/staff/approvals?done=2&failed=0&quick=2")


def test_a_page_opened_by_whoever_may_decide_counts_as_a_look(tea_shop: Shop) -> None:
    [asked] = proposed(tea_shop, "ann")

    def looked() -> bool:
        with tea_shop.keepwell.database.read() as conn:
            return find_intervention(conn, asked).looked_at is not None

    Session(tea_shop, "intervention:read").client.get(f"/staff/approvals/{asked}")
    assert not looked()
    Session(tea_shop, *ALL).client.get(f"/staff/approvals/{asked}")
    assert looked()


def test_scores_and_history_are_shown_to_keys_that_may_see_them(tea_shop: Shop) -> None:
    [asked] = proposed(tea_shop, "ann")
    reads = Session(tea_shop, "intervention:read").client.get(f"/staff/approvals/{asked}").text
    sees = Session(tea_shop, "intervention:read", "score:read", "consent:read")
    page = sees.client.get(f"/staff/approvals/{asked}").text

    assert "may not be told to you" in reads
    assert "What we know of them" not in reads
    assert "may not be told to you" not in page
    assert "What we know of them" in page


def test_a_form_shows_nothing_that_its_page_refuses(tea_shop: Shop) -> None:
    [asked] = proposed(tea_shop, "ann")
    kim = Session(tea_shop, "intervention:approve")

    answers = [kim.posts(f"/staff/approvals/{asked}", act="approve"), kim.posts("/staff/approvals")]

    assert [code for code, _ in answers] == [403, 403]
    assert not any("ann" in text.split("<main", 1)[1] for _, text in answers)
    assert status(tea_shop, asked) == "proposed"
