"""Webhooks by the Standard Webhooks rules, read by that project's own library."""

import json
from datetime import UTC, datetime, time
from random import Random

import httpx
import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from governance.errors import ConfigurationError, PermissionRefused
from governance.proof import Clearance
from serving.database import Database
from serving.demo_receiver import DemoReceiver
from serving.interventions.delivery.dispatch import dispatch, http_client
from serving.interventions.delivery.leases import Go
from serving.interventions.delivery.targets import Reach
from serving.interventions.delivery.webhook import (
    Delivery,
    Endpoint,
    Message,
    check_endpoint,
    contact,
    notify,
    signed_headers,
    wait_after,
)
from tests.serving.interventions.conftest import Company, make_desk

SECRET = b"s" * 32
LOCAL = Endpoint("http://127.0.0.1:9/hook", SECRET, reach=Reach(private=True))
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
NOTICE = Message("m-1", "intervention.cancelled", '{"type":"intervention.cancelled"}', "i-1")


def answering(status: int, headers: dict[str, str] | None = None) -> httpx.Client:
    def handler(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, headers=headers)

    return httpx.Client(transport=httpx.MockTransport(handler))


def test_the_published_example_is_signed_the_same_way() -> None:
    endpoint = Endpoint(
        "https://example.com", Webhook("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")._whsecret
    )
    message = Message("msg_p5jXN8AQM9LWM0D4loKWxJek", "score.changed", '{"test": 2432232314}')

    headers = signed_headers(endpoint, message, now=datetime.fromtimestamp(1614265330, UTC))

    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_receiver_verifies_with_the_shown_secret() -> None:
    now = datetime.now(UTC)
    headers = signed_headers(LOCAL, NOTICE, now=now)

    assert Webhook(LOCAL.shown_secret).verify(NOTICE.body, headers) == json.loads(NOTICE.body)
    with pytest.raises(WebhookVerificationError):
        Webhook(LOCAL.shown_secret).verify(NOTICE.body + " ", headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(b"x" * 32).verify(NOTICE.body, headers)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, "delivered"),
        (204, "delivered"),
        (301, "retry"),
        (302, "retry"),
        (400, "retry"),
        (404, "retry"),
        (410, "gone"),
        (429, "retry"),
        (500, "retry"),
    ],
)
def test_what_an_answer_means(status: int, outcome: str) -> None:
    client = answering(status, {"location": "http://127.0.0.1/elsewhere"})

    assert notify(client, LOCAL, NOTICE, home_kind="production", now=NOW).outcome == outcome


def test_no_answer_is_tried_again() -> None:
    def silent(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    client = httpx.Client(transport=httpx.MockTransport(silent))

    assert notify(client, LOCAL, NOTICE, home_kind="demo", now=NOW) == Delivery("retry", None)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120.0),
        ("Mon, 01 Jun 2026 12:10:00 GMT", 600.0),
        ("Mon, 01 Jun 2020 12:10:00 GMT", 0.0),
        ("99999999", 86_400.0),
        ("soon", None),
    ],
)
def test_retry_after_is_read_in_both_forms(header: str, seconds: float | None) -> None:
    client = answering(429, {"retry-after": header})

    assert notify(client, LOCAL, NOTICE, home_kind="demo", now=NOW).retry_after_s == seconds


def test_waits_grow_jitter_and_end() -> None:
    rng = Random(1)
    waits = [wait_after(k, Delivery("retry", 500), rng) for k in range(1, 11)]
    seconds = [None if wait is None else wait.total_seconds() for wait in waits]

    assert seconds[-1] is None
    for base, found in zip((5, 300, 1_800, 7_200), seconds, strict=False):
        assert found is not None
        assert base <= found <= 1.2 * base


def test_a_longer_retry_after_wins() -> None:
    wait = wait_after(1, Delivery("retry", 429, 900.0), Random(1))

    assert wait is not None
    assert wait.total_seconds() == 900


@pytest.mark.parametrize(
    ("url", "kind", "said"),
    [
        ("http://crm.example.com/hook", "production", "must begin with https"),
        ("ftp://crm.example.com/hook", "production", "must begin with https"),
        ("https://me:pw@crm.example.com/hook", "production", "no user name"),
        ("https://crm.example.com/hook", "demo", "nothing outside this machine"),
        ("https://crm.example.com/hook", "evaluation", "nothing outside this machine"),
        ("http://127.0.0.1.example.com/hook", "demo", "nothing outside this machine"),
        ("http://[::ffff:8.8.8.8]/hook", "demo", "nothing outside this machine"),
        ("http://127.0.0.1:8080/hook", "production", "allow_private"),
        ("https://localhost/hook", "production", "allow_private"),
        ("https://169.254.169.254/hook", "production", "allow_private"),
        ("https://[::ffff:10.0.0.1]/hook", "production", "allow_private"),
        ("https:///hook", "production", "must begin with https"),
        ("https://xn--/hook", "production", "name a host"),
        ("https://crm.example.com:x/hook", "production", "must begin with https"),
    ],
)
def test_where_messages_may_not_go(url: str, kind: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        check_endpoint(Endpoint(url, SECRET), home_kind=kind)


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("https://crm.example.com/hook", "production"),
        ("http://127.0.0.1:8080/hook", "demo"),
        ("http://localhost:8080/hook", "demo"),
        ("http://[::1]:8080/hook", "evaluation"),
    ],
)
def test_where_messages_may_go(url: str, kind: str) -> None:
    check_endpoint(Endpoint(url, SECRET), home_kind=kind)


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="24"):
        check_endpoint(Endpoint("https://crm.example.com", b"short"), home_kind="production")


def test_nothing_leaves_a_demo_home_even_when_asked_directly() -> None:
    asked: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200)

    client = httpx.Client(transport=httpx.MockTransport(handler))
    outside = Endpoint("https://crm.example.com/hook", SECRET)

    with pytest.raises(ConfigurationError):
        notify(client, outside, NOTICE, home_kind="demo", now=NOW)
    assert asked == []


def test_a_contact_without_a_genuine_clearance_is_never_sent() -> None:
    request = Message("m-1", "intervention.requested", "{}", "i-1")
    forged = object.__new__(Clearance)

    with pytest.raises(PermissionRefused):
        contact(answering(200), LOCAL, request, forged, home_kind="production", now=NOW)
    with pytest.raises(PermissionRefused, match="needs a clearance"):
        notify(answering(200), LOCAL, request, home_kind="production", now=NOW)


def test_a_clearance_is_good_for_its_own_intervention_and_time_alone(
    small_company: Company,
) -> None:
    small_company.agrees("ana", "ben")
    small_company.runs("ana", "ben")
    one, other = small_company.must_claim(), small_company.must_claim()
    go = small_company.goes(one)
    assert isinstance(go, Go)
    assert go.clearance is not None

    with pytest.raises(PermissionRefused, match="another intervention"):
        contact(answering(200), LOCAL, other.message, go.clearance, home_kind="production", now=NOW)
    with pytest.raises(PermissionRefused, match="run out"):
        contact(
            answering(200),
            LOCAL,
            one.message,
            go.clearance,
            home_kind="production",
            now=go.clearance.valid_until,
        )
    with pytest.raises(PermissionRefused, match="contacts nobody"):
        contact(answering(200), LOCAL, NOTICE, go.clearance, home_kind="production", now=NOW)


# from the outbox to a real receiver


@pytest.fixture
def today(company: Company) -> Company:
    """Give a company that lives now, as the receiver's clock does, and has no quiet hours."""
    found = company.with_policy(quiet_from=time(0), quiet_until=time(0))
    found.now = datetime.now(UTC)
    return found


def test_everything_due_reaches_a_real_receiver_once(today: Company) -> None:
    today.agrees("ana", "ben", "cem")
    today.runs("ana", "ben", "cem", "dora-who-never-agreed")
    today.withdraws("ben")
    with DemoReceiver(SECRET) as receiver, http_client() as client:
        endpoint = Endpoint(receiver.url, SECRET, reach=Reach(private=True))
        sent = dispatch(today.desk, endpoint, client, clock=today.clock, rng=Random(1))
        again = dispatch(today.desk, endpoint, client, clock=today.clock, rng=Random(1))

    assert (sent.outcomes, again.outcomes) == ({"delivered": 2}, {})
    assert (receiver.refused, receiver.repeated) == (0, 0)
    assert {r.content["data"]["customer_id"] for r in receiver.received} == {"ana", "cem"}


def test_a_receiver_with_another_secret_takes_nothing(today: Company) -> None:
    today.agrees("ana")
    today.runs("ana")
    with DemoReceiver(b"x" * 32) as receiver, http_client() as client:
        endpoint = Endpoint(receiver.url, SECRET, reach=Reach(private=True))
        sent = dispatch(today.desk, endpoint, client, clock=today.clock, rng=Random(1))

    assert sent.outcomes == {"retry": 1}
    assert (receiver.refused, receiver.received) == (1, ())


def test_a_message_that_comes_again_is_acknowledged_and_not_acted_upon_twice() -> None:
    with DemoReceiver(SECRET) as receiver, http_client() as client:
        endpoint = Endpoint(receiver.url, SECRET, reach=Reach(private=True))
        for _ in range(2):
            notify(client, endpoint, NOTICE, home_kind="demo", now=datetime.now(UTC))

    assert (len(receiver.received), receiver.repeated) == (1, 1)


def test_an_endpoint_that_is_gone_gets_nothing_more(today: Company) -> None:
    today.agrees("ana", "ben")
    today.runs("ana", "ben")
    client = answering(410)

    sent = dispatch(today.desk, LOCAL, client, clock=today.clock, rng=Random(1))

    assert sent.switched_off
    assert sent.outcomes == {"retry": 1}
    assert today.messages() == {"intervention.requested": ["pending", "pending"]}


def test_a_demo_home_claims_nothing_for_an_endpoint_outside(sqlite_database: Database) -> None:
    demo = Company(make_desk(sqlite_database, home_kind="demo"))
    demo.agrees("ana")
    demo.runs("ana")
    outside = Endpoint("https://crm.example.com/hook", SECRET)

    with pytest.raises(ConfigurationError):
        dispatch(demo.desk, outside, answering(200), clock=demo.clock, rng=Random(1))

    assert demo.messages() == {"intervention.requested": ["pending"]}
