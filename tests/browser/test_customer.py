"""One customer's pages: found, read, scored, asked about, and silent once permission is gone."""

import re

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Scheme, Story, Visit, Width

ALL = (
    "",
    "/timeline",
    "/scores",
    "/what-if",
    "/wellbeing",
    "/permissions",
    "/contacts",
    "/decisions",
)
SOME = ("", "/scores", "/permissions")
NEEDED = {"risk_scoring", "wellbeing_inference"}


def _client(story: Story) -> httpx.Client:
    headers = {"Authorization": f"Bearer {story.key()}"}
    return httpx.Client(base_url=story.url, headers=headers, timeout=60)


def _somebody(story: Story) -> str:
    """Name a customer with an estimate who permits what the pages show."""
    with _client(story) as client:
        for each in client.get("/v1/customers?limit=200").json()["results"]:
            told = client.get(f"/v1/customers/{each['customer_id']}").json()
            permitted = {c["purpose"] for c in told["consents"] if c["permitted"]}
            scored = any("probability" in (d["result"] or {}) for d in told["decisions"])
            if scored and permitted >= NEEDED:
                return str(each["customer_id"])
    raise AssertionError("the story has nobody like that")


@pytest.mark.parametrize(
    ("width", "scheme", "parts"),
    [
        ("desktop", "light", ALL),
        ("phone", "dark", ALL),
        ("desktop", "dark", SOME),
        ("phone", "light", SOME),
    ],
)
def test_every_part_of_a_customers_page_holds_what_pages_promise(
    story: Story, visit: Visit, width: Width, scheme: Scheme, parts: tuple[str, ...]
) -> None:
    customer = _somebody(story)
    visitor = visit(story, width=width, scheme=scheme)
    visitor.log_in(story.key(), "/staff/customers")
    visitor.check("customers")
    for part in parts:
        visitor.open(f"/staff/customers/{customer}{part}")
        visitor.check(f"customer{part.replace('/', '-')}")
    visitor.open(f"/staff/customers/{customer}/decisions?kind=score")
    visitor.page.locator("main a[href^='/staff/decisions/']").first.click()
    expect(visitor.page.locator(".dossier h1")).to_contain_text("An estimate of")
    visitor.check("dossier")


def test_a_customer_is_found_by_id_and_by_how_it_begins(story: Story, visit: Visit) -> None:
    customer = _somebody(story)
    page = visit(story, script=False).log_in(story.key(), "/staff/customers")
    _find(page, customer[:-2])
    rows = page.get_by_role("rowheader").all_inner_texts()
    assert customer in rows
    assert all(each.startswith(customer[:-2]) for each in rows)
    _find(page, "nobody-of-this-name")
    expect(page.get_by_text("Nobody’s id begins with")).to_be_visible()
    _find(page, customer)
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Customer {customer}")


def test_a_key_sees_what_its_scopes_open_and_no_more(story: Story, visit: Visit) -> None:
    customer = _somebody(story)
    visitor = visit(story)
    page = visitor.log_in(story.key("consent:read"), f"/staff/customers/{customer}")
    parts = page.get_by_role("navigation", name="Parts of this page").get_by_role("link")
    assert parts.all_inner_texts() == ["Overview", "Timeline", "Permissions", "Decisions"]
    assert "%" not in page.locator("main").inner_text()
    for part in ("scores", "wellbeing", "what-if", "contacts", "reasons.svg"):
        answer = page.goto(f"{story.url}/staff/customers/{customer}/{part}")
        assert answer is not None
        assert answer.status == 403
        nobody = page.goto(f"{story.url}/staff/customers/nobody/{part}")
        assert nobody is not None
        assert nobody.status == 403
    nobody = page.goto(f"{story.url}/staff/customers/nobody")
    assert nobody is not None
    assert nobody.status == 404


def test_scoring_looking_back_and_asking_what_if_really_do_it(
    own_story: Story, visit: Visit
) -> None:
    customer = _somebody(own_story)
    visitor = visit(own_story)
    page = visitor.log_in(own_story.key(), f"/staff/customers/{customer}/scores")
    page.get_by_role("button", name="Score now").click()
    expect(page.get_by_role("status")).to_contain_text("Scored.")
    _adds_up(page)
    page.get_by_role("button", name="Look back a year").click()
    expect(page.get_by_role("status")).to_contain_text("Looked back")
    past = page.get_by_role("region", name="Past estimates").get_by_role("row")
    assert past.count() >= 8
    visitor.check("customer-looked-back")
    page.get_by_role("link", name="What if").click()
    page.get_by_role("button", name="See what may be asked").click()
    page.get_by_label("Suppose that").select_option("order_count_30d")
    page.get_by_label("is", exact=True).first.fill("many")
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("finite number")
    page.get_by_label("Suppose that").select_option("order_count_30d")
    page.get_by_label("is", exact=True).first.fill("3")
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.get_by_role("heading", name="The answer")).to_be_visible()
    expect(page.locator("main")).to_contain_text("does not say that changing it would change")
    visitor.check("customer-answered")


def test_a_decision_is_computed_again_by_whoever_may_sign(own_story: Story, visit: Visit) -> None:
    customer = _somebody(own_story)
    page = visit(own_story).log_in(
        own_story.key(), f"/staff/customers/{customer}/decisions?kind=score"
    )
    page.locator("main a[href^='/staff/decisions/']").first.click()
    page.get_by_role("button", name="Compute it again").click()
    expect(page.locator(".dossier .same")).to_contain_text("bit for bit")
    plain = visit(own_story).log_in(own_story.key("consent:read", "score:read"), "/staff")
    plain.goto(page.url)
    expect(plain.get_by_role("heading", level=1)).not_to_contain_text("An estimate of")
    plain.goto(page.url.partition("?")[0])
    expect(plain.get_by_role("button", name="Compute it again")).to_have_count(0)


def test_what_a_customer_takes_back_is_gone_at_the_next_look(
    own_story: Story, visit: Visit
) -> None:
    customer = _somebody(own_story)
    visitor = visit(own_story, width="phone", scheme="dark")
    href = f"/staff/customers/{customer}"
    page = visitor.log_in(own_story.key(), f"{href}/scores")
    picture = page.locator("img.picture").first.get_attribute("src")
    dossier = page.locator("main a[href^='/staff/decisions/']").first.get_attribute("href")
    expect(page.locator(".headline")).to_contain_text("%")
    with _client(own_story) as client:
        client.delete(f"/v1/customers/{customer}/consents/risk_scoring").raise_for_status()
    page.reload()
    expect(page.locator("main")).to_contain_text("took their permission back")
    _tells_no_share(page)
    visitor.check("customer-withdrew")
    assert page.goto(f"{own_story.url}{picture}").status == 404  # type: ignore[union-attr]
    visitor.open(str(dossier))
    expect(page.get_by_role("heading", level=1)).to_contain_text("forgotten")
    _tells_no_share(page)
    visitor.open(f"/staff/customers?find={customer[:-1]}")
    row = page.get_by_role("row").filter(has_text=customer)
    expect(row).to_contain_text("not permitted")
    assert "%" not in row.inner_text()
    visitor.open(f"{href}/scores")
    page.get_by_role("button", name="Score now").click()
    expect(page.get_by_role("status")).to_contain_text("Refused")


def test_a_withdrawal_said_to_staff_is_recorded_in_one_step(own_story: Story, visit: Visit) -> None:
    customer = _somebody(own_story)
    page = visit(own_story, script=False).log_in(
        own_story.key(), f"/staff/customers/{customer}/permissions"
    )
    page.get_by_role("button", name="Withdraw: Estimating whether they may leave").click()
    expect(page.get_by_role("status")).to_contain_text("holds from this moment on")
    row = page.get_by_role("row").filter(has_text="risk_scoring")
    expect(row).to_contain_text("they took their permission back")


def _find(page: Page, wanted: str) -> None:
    page.get_by_label("Customer id").fill(wanted)
    page.get_by_role("button", name="Find").click()


def _adds_up(page: Page) -> None:
    """Add what the table of reasons shows, each rounded to a hundredth."""
    rows = page.get_by_role("region", name="Reasons").locator("tbody tr").all()
    cells = [[cell.inner_text() for cell in row.locator("td").all()] for row in rows]
    start, *steps, end = cells
    added = sum(_number(adds) for adds, _ in steps)
    assert len(steps) > 3
    assert abs(_number(start[1]) + added - _number(end[1])) < 0.01 * len(steps)


def _number(text: str) -> float:
    return float(text.replace("−", "-"))


def _tells_no_share(page: Page) -> None:
    assert not re.search(r"\d\s*%", page.locator("main").inner_text())
