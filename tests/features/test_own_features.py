"""A company's own features: read without code, and everything to mend said with its line."""

from pathlib import Path

import pytest

from features.home_features import HomeFeatures
from features.kernel import compute
from features.own_features import draft_own_features, own_features
from governance.errors import ConfigurationError
from tests.features.sample import event, histories, micros, permits

SHOP = histories(
    event(1, value=10.0, properties={"sku": ["a", "b"]}),
    event(2, "session", properties={"device": "app"}),
    event(3, "session", properties={"device": "web"}),
    event(3.9, "chat_message", text="wonderful, thank you"),
)


def table(**stated: str) -> str:
    """Write one [[feature]] of raw TOML values, one key per line from line 2 on."""
    return "\n".join(["[[feature]]", *(f"{key} = {value}" for key, value in stated.items())]) + "\n"


def mended(text: str) -> list[str]:
    return [str(each) for each in draft_own_features(text).mistakes]


def home(text: str, directory: Path | None = None) -> HomeFeatures:
    return HomeFeatures("UTC", own_features(text), directory)


def value(text: str, name: str) -> float:
    features = home(text)
    definitions = features.definitions(SHOP)
    found = compute(SHOP, definitions, [micros(4)], permits=permits(["c0"]))
    return float(found.values[0, found.names.index(name)])


def test_a_feature_needs_no_code() -> None:
    text = table(
        name='"app_sessions_30d"',
        kinds='["session"]',
        aggregate='"count"',
        window_days="30",
        where='{ device = "app" }',
    )
    assert value(text, "app_sessions_30d") == 1


def test_a_feature_may_be_made_of_the_catalogues() -> None:
    text = table(
        name='"spend_per_session"',
        aggregate='"ratio"',
        of='["order_value_sum_all", "session_count_all"]',
    )
    assert value(text, "spend_per_session") == 5


def test_a_clock_is_that_of_the_home() -> None:
    text = table(name='"a"', kinds='["order"]', aggregate='"mode"', column='"hour"')
    (found,) = own_features(text, timezone="Asia/Tokyo")
    assert found.definition.column == "hour:Asia/Tokyo"


def test_what_is_made_of_tone_needs_its_permission_unasked() -> None:
    text = table(
        name='"a"',
        aggregate='"ratio"',
        of='["chat_message_sentiment_last_all", "session_count_all"]',
    )
    found = {each.name: each for each in home(text).definitions(SHOP)}
    assert found["a"].purposes == ("risk_scoring", "wellbeing_inference")


def test_scoring_is_always_among_the_purposes() -> None:
    text = table(
        name='"a"', kinds='["survey"]', aggregate='"count"', purposes='["wellbeing_inference"]'
    )
    (found,) = own_features(text)
    assert found.definition.purposes == ("risk_scoring", "wellbeing_inference")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            table(name='"a"', kinds='["order"]', aggregate='"cuont"'),
            "line 4: feature a: there is no aggregate 'cuont'; did you mean count?",
        ),
        (
            table(name='"a"', kinds='["order"]', aggregate='"count"', window_days="0"),
            "line 5: feature a: window_days == 0, must be >= 1",
        ),
        (
            table(name='"a"', kinds='["order"]', aggregate='"count"', window_days='"30"'),
            "line 5: feature a: window_days must be a whole number",
        ),
        (
            table(name='"a"', kinds='["order"]', aggregate='"count"', windw_days="30"),
            "line 5: feature a: windw_days is not a key of a feature; did you mean window_days?",
        ),
        (
            table(name='"a"', kinds='["order"]', aggregate='"count"', column='"value"'),
            "line 5: feature a: count does not use column",
        ),
        (
            table(name='"a"', kinds='["consent_changed"]', aggregate='"count"'),
            "line 3: feature a: consent_changed is written by Keepwell alone and never a feature",
        ),
        (
            table(name='"a"', kinds='["order"]', aggregate='"mean"', column='"hour:Mars"'),
            "line 5: feature a: 'Mars' is not a time zone; write it as Europe/Berlin",
        ),
        (
            table(name='"a"', kinds='["order"]', aggregate='"streak"', parameter="-1"),
            "line 5: feature a: parameter == -1.0, must be > 0 and finite",
        ),
        (
            table(name='"a"', kinds='["order"]', aggregate='"count"', text='"{valeu} orders"'),
            "line 5: feature a: {valeu} means nothing in a sentence; known are {value}, {days}, "
            "{percent}, {more}, {higher}, {past}",
        ),
        (
            table(name='"A b"', kinds='["order"]', aggregate='"count"'),
            "line 2: feature A b: name must be small letters, digits and _, a letter first",
        ),
        (
            table(name='"a"', kinds='["order"]'),
            "line 1: feature a: aggregate is not stated",
        ),
        (
            table(name='"a"', aggregate='"function"', function='"own.py"'),
            "line 4: feature a: function needs to say which: file.py:name",
        ),
        ("feature = 3\n", "feature ?: own features are written as [[feature]]"),
    ],
)
def test_a_mistake_is_said_with_its_line(text: str, said: str) -> None:
    assert mended(text) == [said]


def test_all_mistakes_of_all_features_come_at_once() -> None:
    text = (
        'currency = "EUR"\n'
        + table(name='"a"', kinds="[]", aggregate='"sum"', window_days="0")
        + table(name='"a"', kinds='["order"]', aggregate='"count"', of='["b"]')
        + '[targets.churn]\nhorizon_days = 30\nname = "no feature of ours"\n'
    )
    assert [each.split(":")[0] for each in mended(text)] == [
        *("line 2", "line 4", "line 6", "line 8", "line 11"),
    ]


def test_a_circle_of_own_features_is_named() -> None:
    text = table(name='"a"', aggregate='"total"', of='["b", "c"]')
    text += table(name='"b"', aggregate='"ratio"', of='["a", "c"]')
    text += table(name='"c"', kinds='["order"]', aggregate='"count"')
    assert mended(text) == ["line 4: feature a: goes in a circle: a → b → a"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            table(name='"a"', kinds='["ordr"]', aggregate='"count"'),
            "line 3: feature a: no event is of the kind ordr; did you mean order?",
        ),
        (
            table(name='"a"', kinds='["session"]', aggregate='"sum"', column='"property:devise"'),
            "line 5: feature a: no session has the property devise; did you mean device?",
        ),
        (
            table(name='"a"', kinds='["session"]', aggregate='"count"', where='{ device = "tv" }'),
            "line 5: feature a: no session has device = tv",
        ),
        (
            table(name='"a"', kinds='["session"]', aggregate='"sum"', column='"value"'),
            "line 5: feature a: no session has a value",
        ),
        (
            table(name='"a"', kinds='["order"]', aggregate='"mean"', column='"level"'),
            "line 5: feature a: no order states a scale of two numbers, the lower first",
        ),
        (
            table(name='"a"', aggregate='"total"', of='["order_count_al", "session_count_all"]'),
            "line 4: feature a: is made of order_count_al, which is no feature; "
            "did you mean order_count_all?",
        ),
        (
            table(name='"order_count_90d"', kinds='["order"]', aggregate='"count"'),
            "line 1: feature order_count_90d: the catalogue has a feature of this name",
        ),
        (
            table(name='"a"', aggregate='"function"', function='"gone.py:x"'),
            "line 4: feature a: gone.py cannot be read in the home/",
        ),
    ],
)
def test_what_does_not_fit_the_histories_is_said_with_its_line(
    text: str, said: str, tmp_path: Path
) -> None:
    place = tmp_path / "the home"
    place.mkdir()
    with pytest.raises(ConfigurationError) as raised:
        home(text, place).definitions(SHOP)
    assert raised.value.problems == (said,)


def test_a_kind_that_may_yet_come_is_no_mistake() -> None:
    text = table(name='"a"', kinds='["call"]', aggregate='"count"')
    assert home(text).examine(SHOP)[1] == ()


def test_a_sample_cannot_say_that_a_property_is_nowhere() -> None:
    text = table(name='"a"', kinds='["session"]', aggregate='"sum"', column='"property:seldom"')
    assert "a" in {each.name for each in home(text).definitions(SHOP, sample=True)}


def test_an_own_function_is_held_to_its_file(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text("def f(customer):\n    return 4\n", encoding="utf-8")
    text = table(name='"a"', aggregate='"function"', function='"own.py:f"')
    features = home(text, tmp_path)
    definitions = features.definitions(SHOP)
    functions = features.functions(definitions)
    found = compute(SHOP, definitions, [micros(4)], permits=permits(["c0"]), functions=functions)
    assert found.values[0, found.names.index("a")] == 4
