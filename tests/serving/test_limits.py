"""What a request may look like, and how often it may come, before anything of it is parsed."""

import json
import timeit
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.errors import InvalidInput
from serving.http.limits import ANY_SHAPE, Shape, check_body, check_head
from serving.http.problems import AddressTooLong, HeadTooLarge, TooMany
from serving.http.rates import MOST_ADDRESSES, MOST_KEYS, Rates

SMALL = Shape(depth=3, values=10)
ME, KEY = "203.0.113.7", b"Bearer kw_1_x"


def depth_of(value: Any) -> int:
    """Count how deep a value is nested, the plain way."""
    if isinstance(value, dict):
        return 1 + max((depth_of(each) for each in value.values()), default=0)
    if isinstance(value, list):
        return 1 + max((depth_of(each) for each in value), default=0)
    return 0


def passes(body: bytes, shape: Shape = SMALL) -> bool:
    try:
        check_body(body, shape)
    except InvalidInput:
        return False
    return True


texts = st.text(st.sampled_from('[]{},"\\:ab\u2200'), max_size=6)
json_values = st.recursive(
    st.none() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@given(json_values)
def test_exactly_what_is_nested_too_deep_is_refused(value: Any) -> None:
    shape = SMALL._replace(values=10_000)
    for written in (json.dumps(value), json.dumps(value, ensure_ascii=False)):
        assert passes(written.encode(), shape) == (depth_of(value) <= shape.depth)


def test_a_list_of_more_values_than_allowed_is_refused() -> None:
    assert passes(json.dumps(list(range(9))).encode())
    assert not passes(json.dumps(list(range(10))).encode())


def test_commas_and_brackets_inside_of_words_are_no_values() -> None:
    assert passes(json.dumps([",[{" * 50, 'a"],[' * 20]).encode())


@pytest.mark.parametrize(
    "body", [b"[" * 500_000, b"[{" * 250_000, b'{"a":' * 100_000, b"[" * 90_000 + b"]" * 90_000]
)
def test_a_body_of_nothing_but_openings_is_refused_without_parsing(body: bytes) -> None:
    assert not passes(body, ANY_SHAPE)
    assert timeit.timeit(lambda: passes(body, ANY_SHAPE), number=1) < 0.1


def test_a_body_of_nothing_but_quotes_is_refused() -> None:
    assert not passes(b"[[[[" + b'",' * 100)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-16-le"])
def test_another_unicode_hides_no_depth(encoding: str) -> None:
    assert not passes(("[" * 9 + "]" * 9).encode(encoding))


@pytest.mark.parametrize("body", [b"", b"{", b"]", b"not json", b'{"a', b"\\", b"}{]["])
def test_what_is_no_json_is_left_to_whoever_parses_it(body: bytes) -> None:
    assert passes(body)


def test_a_usual_body_costs_microseconds() -> None:
    body = json.dumps({"inputs": [{"customer_id": "17850"}], "targets": ["churn"]}).encode()
    seconds = min(timeit.repeat(lambda: check_body(body, ANY_SHAPE), number=1_000, repeat=5))
    assert seconds / 1_000 < 10e-6  # measured: 0.4 µs


def scope(path: str = "/v1/scores", *headers: tuple[bytes, bytes]) -> dict[str, Any]:
    return {"raw_path": path.encode(), "query_string": b"", "headers": list(headers)}


def test_an_address_longer_than_any_of_ours_is_refused() -> None:
    with pytest.raises(AddressTooLong):
        check_head(scope("/v1/" + "a" * 9_000), ANY_SHAPE)


@pytest.mark.parametrize(
    "headers",
    [[(b"x-%d" % k, b"") for k in range(65)], [(b"cookie", b"a" * 17_000)]],
    ids=["many", "large"],
)
def test_headers_that_are_too_many_or_too_large_are_refused(
    headers: list[tuple[bytes, bytes]],
) -> None:
    with pytest.raises(HeadTooLarge):
        check_head(scope("/", *headers), ANY_SHAPE)


@pytest.mark.parametrize("name", [b"authorization", b"content-length", b"host", b"content-type"])
def test_a_header_that_two_readers_could_read_differently_comes_once(name: bytes) -> None:
    with pytest.raises(InvalidInput, match="twice"):
        check_head(scope("/", (name, b"a"), (name, b"b")), ANY_SHAPE)


def test_a_header_that_may_come_twice_is_let_through() -> None:
    check_head(scope("/", (b"accept", b"a"), (b"accept", b"b")), ANY_SHAPE)


# rates


class Time:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Gate:
    """Rates with what a request does to them, in few words."""

    def __init__(self, **limits: Any) -> None:
        self.time = Time()
        self.rates = Rates(clock=self.time, **limits)

    def ask(
        self,
        status: int = 200,
        *,
        key: bytes = KEY,
        address: str = ME,
        path: str = "/v1/scores",
        method: str = "POST",
    ) -> list[tuple[bytes, bytes]]:
        added = self.rates.admit(path, method, address, key)
        self.rates.learn(path, address, key, status)
        return added

    def fails(self, times: int, **how: Any) -> None:
        for k in range(times):
            self.ask(401, **{"key": b"Bearer kw_1_%d" % k, **how})


def test_without_a_stated_rate_a_good_key_calls_as_it_likes() -> None:
    gate = Gate()
    assert [gate.ask() for _ in range(1_000)] == [[]] * 1_000


def test_a_key_has_its_burst_and_then_its_rate() -> None:
    gate = Gate(requests_per_second=2.0, burst=3)
    for _ in range(4):  # the first shows that the key is good
        gate.ask()
    with pytest.raises(TooMany) as refused:
        gate.ask()
    assert refused.value.headers == {
        "Retry-After": "1",
        "RateLimit-Policy": '"key";q=3;w=2',
        "RateLimit": '"key";r=0;t=1',
    }
    gate.time.now += 0.5
    gate.ask()


def test_an_answer_says_how_much_is_left() -> None:
    gate = Gate(requests_per_second=2.0, burst=3)
    gate.ask()
    assert gate.ask() == [(b"ratelimit-policy", b'"key";q=3;w=2'), (b"ratelimit", b'"key";r=2;t=1')]


def test_whoever_knows_only_the_id_of_a_key_uses_up_nothing_of_it() -> None:
    gate = Gate(requests_per_second=1.0, burst=2)
    gate.ask()
    gate.fails(10)
    gate.ask()


def test_an_address_that_sends_wrong_keys_has_to_wait() -> None:
    gate = Gate(failed_per_minute=6)
    gate.fails(6)
    with pytest.raises(TooMany, match="wrong keys") as refused:
        gate.fails(1)
    assert refused.value.headers["Retry-After"] == "10"
    gate.time.now += 10
    gate.fails(1)


def test_wrong_keys_lock_out_nobody_with_a_good_one_from_the_same_address() -> None:
    gate = Gate(failed_per_minute=6)
    gate.ask(key=b"Bearer good")
    gate.fails(6)
    gate.ask(key=b"Bearer good")


def test_a_key_that_stops_being_good_is_a_wrong_one() -> None:
    gate = Gate(failed_per_minute=2)
    gate.ask()
    gate.ask(401)
    gate.ask(401)
    with pytest.raises(TooMany):
        gate.ask()


@pytest.mark.parametrize(("status", "path"), [(404, "/v1/x"), (413, "/v1/scores"), (200, "/")])
def test_only_an_answer_that_needed_a_good_key_shows_that_it_is_one(status: int, path: str) -> None:
    gate = Gate(failed_per_minute=3)
    gate.ask(status, key=b"Bearer made up", path=path)
    gate.fails(3)
    with pytest.raises(TooMany):
        gate.ask(key=b"Bearer made up")


@pytest.mark.parametrize("other", ["2001:db8:0:1::ffff", "2001:db8:0:1:a:b:c:d"])
def test_one_network_of_ipv6_is_one_sender(other: str) -> None:
    gate = Gate(failed_per_minute=3)
    gate.fails(3, address="2001:db8:0:1::1")
    with pytest.raises(TooMany):
        gate.fails(1, address=other)
    gate.fails(1, address="2001:db8:0:2::1")


def test_dead_links_count_and_stopping_is_never_refused() -> None:
    gate = Gate(failed_per_minute=3)
    for _ in range(3):
        gate.ask(404, key=b"", path="/stop", method="GET")
    with pytest.raises(TooMany):
        gate.ask(key=b"", path="/preferences", method="GET")
    gate.ask(key=b"", path="/stop", method="POST")
    gate.ask(key=b"", path="/static/page.css", method="GET")


def test_what_is_remembered_does_not_grow() -> None:
    gate = Gate(failed_per_minute=3)
    for k in range(MOST_KEYS + 10):
        gate.ask(key=b"Bearer %d" % k)
        gate.ask(401, key=b"", address=f"10.{k >> 16}.{k >> 8 & 255}.{k & 255}")
    assert (len(gate.rates._good), len(gate.rates._failing)) == (MOST_KEYS, MOST_ADDRESSES)
