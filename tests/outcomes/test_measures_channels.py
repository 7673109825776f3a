"""Web, e-mail, social, service and what acting led to, each worked by hand.

The period is days 100 to 200; days are counted in parts, so 150.001 is a minute and a half later.
"""

import pytest

from features.events import Event
from outcomes.measures.definition import ALL
from tests.outcomes.conftest import event
from tests.outcomes.measuring import FIVE, TEN, Example, assigned, check, each, figure, take

MINUTE = 1 / 1440


def visitors(people: tuple[str, ...], day: float, **properties: object) -> list[Event]:
    """Sessions of people who are not known as customers."""
    return [event(who, "session", day, subject="visitor", properties=properties) for who in people]


# c0-c4 come by search, c0 twice; five unknown visitors by a letter
VISITS = [
    *each(FIVE, "session", 150, source="search", pages=3),
    *each(FIVE[:1], "session", 151, source="search", pages=1),
    *visitors(("v0", "v1", "v2", "v3", "v4"), 150, source="letter", pages=1),
]
# six deliveries to five; c0 opened one twice, c1's was opened by a scanner, c2 opened and clicked
MAILS = [
    *each(FIVE, "email_delivered", 150, message="may"),
    *each(FIVE[:1], "email_delivered", 160, message="june"),
    *each(FIVE[:1], "email_opened", 161, message="june"),
    *each(FIVE[:1], "email_opened", 162, message="june"),
    *each(FIVE[1:2], "email_opened", 150, message="may", machine=True),
    *each(FIVE[2:3], "email_opened", 151, message="may"),
    *each(FIVE[2:3], "email_clicked", 152, message="may"),
]
# six tickets of five people: c0's first is escalated twice, c1's closed after the period
TICKETS = [
    *each(FIVE, "ticket_opened", 150, ticket="first"),
    *each(FIVE[:1], "ticket_opened", 160, ticket="second"),
    *each(FIVE[:1], "ticket_escalated", 151, ticket="first"),
    *each(FIVE[:1], "ticket_escalated", 152, ticket="first"),
    *each(FIVE[:1], "ticket_closed", 153, ticket="first"),
    *each(FIVE[:1], "ticket_closed", 161, ticket="second"),
    *each(FIVE[1:2], "ticket_closed", 205, ticket="first"),
    *each(FIVE[2:], "ticket_closed", 151, ticket="first"),
]
REVIEWS = [
    *(event(who, "review", 150, float(k + 1)) for k, who in enumerate(FIVE)),
    event("c0", "review", 160, 5.0, properties={"responded": True}),
]
ACTIVE = each(TEN, "order", 190, 1.0)
OFFERS = [
    *each(FIVE, "recommendation_shown", 150, recommendation="tea", match=True),
    *each(TEN[5:], "recommendation_shown", 150, recommendation="nails", match=False),
    *each(FIVE[:3], "recommendation_accepted", 151, recommendation="tea"),
    *each(TEN[5:6], "recommendation_accepted", 151, recommendation="nails"),
    event("c0", "order", 152, 1.0),
    event("c1", "order", 160, 1.0),  # more than a week later
]

EXAMPLES = {
    "visits": Example(VISITS, 11, 11, 10),
    "unique_visitors": Example(VISITS, 10, 10, 10),
    # the five visitors and c0's second visit saw one page
    "single_page_rate": Example(VISITS, 6 / 11, 6, 11),
    # of ten with a session five fill a cart; of them two order; c9's cart came before the session
    "conversion_session_to_cart": Example(
        [
            *each(TEN, "session", 150),
            *each(FIVE, "cart", 151),
            event("c9", "cart", 149),
            *each(FIVE[:2], "order", 152, 1.0),
        ],
        5 / 10,
        5,
        10,
    ),
    "conversion_cart_to_order": Example(
        [*each(FIVE, "cart", 151), *each(FIVE[:2], "order", 152, 1.0)], 2 / 5, 2, 5
    ),
    "conversion_session_to_order": Example(
        [*each(TEN, "session", 150), *each(FIVE[:2], "order", 152, 1.0)], 2 / 10, 2, 10
    ),
    # five baskets and c0's second (two days on); c0 and c1 order within a day of the first
    "cart_abandonment": Example(
        [
            *each(FIVE, "cart", 150),
            *each(FIVE[:1], "cart", 150.5),
            *each(FIVE[:2], "order", 151, 1.0),
            *each(FIVE[:1], "cart", 153),
            event("c0", "page_view", 170),
        ],
        4 / 6,
        4,
        6,
    ),
    # five searches with results, one without; one page not found, one found; one says nothing
    "dead_ends": Example(
        [
            *each(FIVE, "search", 150, results=3),
            *each(FIVE[:1], "search", 151, results=0),
            *each(FIVE[:1], "page_view", 152, status=404),
            *each(FIVE[:1], "page_view", 152, status=200),
            *each(FIVE[:1], "page_view", 152),
        ],
        2 / 8,
        2,
        8,
    ),
    # c0 searches again after 5 minutes and after an hour
    "repeated_searches": Example(
        [
            *each(FIVE, "search", 150),
            event("c0", "search", 150 + 5 * MINUTE),
            event("c0", "search", 150 + 60 * MINUTE),
        ],
        1 / 7,
        1,
        7,
    ),
    # c0 loads one page three times in 40 s, c1 in 80 s, c2 three different ones, c3 fails to pay
    "rage_retries": Example(
        [
            *(
                event("c0", "page_view", 150 + k * MINUTE / 3, properties={"page": "help"})
                for k in range(3)
            ),
            *(
                event("c1", "page_view", 150 + 2 * k * MINUTE / 3, properties={"page": "help"})
                for k in range(3)
            ),
            *(event("c2", "page_view", 150, properties={"page": p}) for p in ("a", "b", "c")),
            *(event("c3", "payment_failed", 150 + k * MINUTE / 3) for k in range(3)),
            event("c4", "page_view", 150, properties={"page": "help"}),
        ],
        2 / 5,
        2,
        5,
    ),
    "email_open_rate": Example(MAILS, 2 / 6, 2, 6),
    "email_machine_open_rate": Example(MAILS, 1 / 6, 1, 6),
    "email_click_rate": Example(MAILS, 1 / 6, 1, 6),
    # two bounced beside six delivered
    "email_bounce_rate": Example([*MAILS, *each(TEN[5:7], "email_bounced", 150)], 2 / 8, 2, 8),
    "email_unsubscribe_rate": Example([*MAILS, event("c0", "unsubscribed", 150)], 1 / 6, 1, 6),
    "email_complaint_rate": Example([*MAILS, event("c0", "spam_complaint", 151)], 1 / 6, 1, 6),
    **{
        f"social_{action}s": Example(
            [
                *each(FIVE, "social", 150, action=action),
                *each(FIVE[:2], "social", 160, action=action),
                *each(FIVE, "social", 160, action="other"),
            ],
            7,
            7,
            5,
        )
        for action in ("like", "comment", "share", "follow")
    },
    # 1 + 2 + 3 + 4 + 5 and 5 again
    "rating_mean": Example(REVIEWS, 20 / 6, 20, 6),
    "review_volume": Example(REVIEWS, 6, 6, 5),
    "review_response_rate": Example(REVIEWS, 1 / 6, 1, 6),
    # a referral, a review of 4, a kind mention and a post count; a review of 3 and a bad mention no
    "brand_advocacy": Example(
        [
            *ACTIVE,
            event("c0", "referral", 150),
            event("c1", "review", 150, 4.0),
            event("c2", "mention", 150),
            event("c3", "community_post", 150),
            event("c4", "review", 150, 3.0),
            event("c5", "mention", 150, properties={"sentiment": "negative"}),
            event("gone", "referral", 150),  # not active
        ],
        4 / 10,
        4,
        10,
    ),
    "negative_mentions": Example(
        [
            *each(FIVE, "mention", 150, sentiment="positive"),
            event("c0", "mention", 151, properties={"sentiment": "negative"}),
            event("c0", "mention", 152),  # nobody said how it sounds
        ],
        1 / 6,
        1,
        6,
    ),
    "visits_per_active": Example([*ACTIVE, *each(FIVE, "session", 150)], 5 / 10, 5, 10),
    "events_per_active": Example([*ACTIVE, *each(FIVE[:3], "event_attended", 150)], 0.3, 3, 10),
    # c0-c3 wrote before the period, c0 and c1 in it
    "community_per_active": Example(
        [
            *ACTIVE,
            *each(FIVE[:4], "community_post", 9),
            *each(FIVE[:2], "community_post", 150),
        ],
        0.2,
        2,
        10,
    ),
    # escalated at least once: one of six
    "escalation": Example(TICKETS, 1 / 6, 1, 6),
    # c1's is open at the end
    "unresolved": Example(TICKETS, 1 / 6, 1, 6),
    # closed in the period: c0's after 72 and 24 hours, those of four others after 24: 192 over 6
    "resolution_time": Example(
        [*TICKETS, *each(["c9"], "ticket_opened", 150), *each(["c9"], "ticket_closed", 151)],
        192 / 6,
        192,
        6,
    ),
    # 100 + 20 + 30 for each of five calls; c0's second states talk alone: 60
    "aht": Example(
        [
            *each(FIVE, "call", 150, talk_seconds=100, hold_seconds=20, after_work_seconds=30),
            event("c0", "call", 151, properties={"talk_seconds": 60}),
            event("c0", "call", 152),  # states nothing
        ],
        810 / 6,
        810,
        6,
    ),
    # five conversations with the bot, of two messages each; c0's is handed over
    "bot_handover": Example(
        [
            *each(FIVE, "chat_message", 150, bot=True, conversation="k"),
            *each(FIVE[1:], "chat_message", 150.1, conversation="k"),
            *each(FIVE[:1], "chat_message", 150.1, conversation="k", handed_over=True),
            *each(FIVE, "chat_message", 160, conversation="with a person"),
        ],
        1 / 5,
        1,
        5,
    ),
    # of ten treated six order within 90 days, of ten held out three: 6/10 − 3/10
    "retention_lift": Example(
        [
            *(assigned(f"t{k}", "treated", 110) for k in range(10)),
            *(assigned(f"h{k}", "holdout", 110) for k in range(10)),
            *each([f"t{k}" for k in range(6)], "order", 150, 1.0),
            *each([f"h{k}" for k in range(3)], "order", 150, 1.0),
            *each(["t9", "h9"], "order", 201, 1.0),  # too late
        ],
        0.3,
        6,
        10,
    ),
    "recommendation_acceptance": Example(OFFERS, 4 / 10, 4, 10),
    "recommendation_conversion": Example(OFFERS, 1 / 10, 1, 10),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_worked_by_hand(name: str) -> None:
    check(name, EXAMPLES[name])


def by_part(events: list[Event], name: str) -> dict[str, float | None]:
    return {m.segment: m.numerator for m in take(events, name).measures}


def test_visits_are_told_apart_by_source() -> None:
    assert by_part(VISITS, "visits") == {ALL: 11, "source letter": 5, "source search": 6}


def test_unique_visitors_are_told_apart_by_source() -> None:
    assert by_part(VISITS, "unique_visitors") == {ALL: 10, "source letter": 5, "source search": 5}


def test_recommendations_are_told_apart_by_preference_match() -> None:
    assert by_part(OFFERS, "recommendation_acceptance") == {
        ALL: 4,
        "preference matches preferences": 3,
        "preference does not match": 1,
    }


def test_lift_stands_beside_the_playbook_it_is_of() -> None:
    found = take(EXAMPLES["retention_lift"].events, "retention_lift").measures

    assert [m.segment for m in found] == ["playbook note"]
    assert found[0].note == "the others: 3 of 10"


def test_lift_is_hidden_when_one_arm_is_small() -> None:
    events = [assigned(f"t{k}", "treated", 110) for k in range(10)]
    events += [assigned(f"h{k}", "holdout", 110) for k in range(4)]
    events += each(["t0"], "order", 250, 1.0)

    assert figure(events, "retention_lift").hidden


def test_pages_are_counted_from_page_views_where_no_number_is_stated() -> None:
    # c0-c3 see two pages, c4 one
    events = [*each(FIVE, "session", 150), *each(FIVE, "page_view", 150.01, page="home")]
    events += each(FIVE[:4], "page_view", 150.02, page="help")

    assert figure(events, "single_page_rate").numerator == 1


def test_opening_an_e_mail_is_never_an_outcome() -> None:
    from outcomes.measures.catalogue import definitions
    from outcomes.measures.definition import Terms

    assert {d.name for d in definitions(Terms()) if not d.outcome} == {
        "email_open_rate",
        "email_machine_open_rate",
    }


def test_a_step_without_a_ticket_belongs_to_the_newest_one_open() -> None:
    events = [*each(FIVE, "ticket_opened", 150), *each(FIVE[:1], "ticket_opened", 160)]
    events += [event("c0", "ticket_escalated", 161)]

    assert figure(events, "escalation").numerator == 1


def test_who_handled_a_call_is_not_read() -> None:
    handled = each(FIVE, "call", 150, talk_seconds=60, agent="someone")

    assert {m.segment for m in take(handled, "aht").measures} == {ALL}
