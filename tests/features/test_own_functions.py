"""A company's own functions: what they are given, and what they can never do or see."""

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from features.definitions import FeatureDefinition
from features.history import Histories
from features.kernel import compute
from features.own_functions import CustomerRecord, function_values, load_functions, pin
from governance.errors import ConfigurationError, IntegrityBroken
from tests.features.sample import event, histories, micros, permit, permits

FILE = """
def count(customer):
    return len(customer.events)

def kinds(customer):
    return sum(1 for event in customer.events if event.kind not in ("order", "chat_message"))

def texts(customer):
    return sum(event.text is not None for event in customer.events)

def age_of_newest(customer):
    return customer.events[-1].days_before_as_of if customer.events else None

def lines(customer):
    return sum(len(event.properties.get("sku", ())) for event in customer.events)

def forever(customer):
    return float("inf")

def words(customer):
    return "many"

def fails(customer):
    total = 0
    return customer.events[0].value / total

def writes(customer):
    customer.events[0].properties["sku"] = ()
    return 0
"""
BOTH = ("risk_scoring", "wellbeing_inference")


def own(name: str, **stated: object) -> FeatureDefinition:
    fields = {"kinds": (), "aggregate": "function", "function": f"own_features.py:{name}"}
    return FeatureDefinition(name=name, **(fields | stated))  # type: ignore[arg-type]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "own_features.py").write_text(FILE, encoding="utf-8")
    return tmp_path


def value(home: Path, definition: FeatureDefinition, found: Histories, day: float) -> float:
    """Compute one function for c0 on a day."""
    pinned = pin([definition], home)
    functions = load_functions(pinned, home)
    table = compute(found, pinned, [micros(day)], permits=permits(["c0"]), functions=functions)
    return float(table.values[0, 0])


ORDERS = histories(
    event(1, value=5.0, properties={"sku": ["a", "b"]}),
    event(3, value=7.0, properties={"sku": ["c"]}),
    event(4, "session"),
)


def test_a_function_sees_what_was_known_at_as_of(home: Path) -> None:
    assert value(home, own("count"), ORDERS, 4) == 2
    assert value(home, own("count"), ORDERS, 5) == 3


def test_kinds_window_and_where_choose_its_events(home: Path) -> None:
    found = histories(
        event(1, properties={"shop": "north"}),
        event(8, properties={"shop": "south"}),
        event(9, properties={"shop": "north"}),
        event(9.5, "session", properties={"shop": "north"}),
    )
    chosen = own("count", kinds=("order",), window_days=5, where=(("shop", "north"),))
    assert value(home, chosen, found, 10) == 1


def test_days_count_back_from_as_of(home: Path) -> None:
    assert value(home, own("age_of_newest"), ORDERS, 5.5) == 1.5


def test_lists_in_properties_are_there_as_tuples(home: Path) -> None:
    assert value(home, own("lines"), ORDERS, 5) == 3


def test_late_and_replaced_versions_are_not_seen(home: Path) -> None:
    found = histories(
        event(0, "session"),
        event(1, event_id="a"),
        event(2, event_id="b", known=20),
        event(3, event_id="c", retracts="a"),
    )
    orders = own("count", kinds=("order",))
    assert [value(home, orders, found, day) for day in (2.5, 10, 21)] == [1, 0, 1]


def test_rights_consents_and_interventions_are_never_shown(home: Path) -> None:
    kinds = ("consent_changed", "rights_objection", "intervention_sent", "intervention_assigned")
    found = histories(event(1), *(event(2, kind, event_id=kind) for kind in kinds))
    assert value(home, own("kinds"), found, 5) == 0


def test_texts_are_shown_only_where_tone_may_be_read(home: Path) -> None:
    found = histories(event(1, "chat_message", text="hello"))
    assert value(home, own("texts"), found, 5) == 0
    assert value(home, own("texts", purposes=BOTH), found, 5) == 1


def test_without_permission_a_function_is_not_even_called(home: Path) -> None:
    pinned = pin([own("fails", purposes=BOTH)], home)
    functions = load_functions(pinned, home)
    given = {"risk_scoring": permit("risk_scoring", ["c0"])}
    table = compute(ORDERS, pinned, [micros(5)], permits=given, functions=functions)
    assert math.isnan(table.values[0, 0])


def test_nothing_to_say_is_missing_or_what_is_declared(home: Path) -> None:
    sessions = histories(event(1, "session"))
    newest = own("age_of_newest", kinds=("order",))
    assert math.isnan(value(home, newest, sessions, 5))
    declared = own("age_of_newest", kinds=("order",), empty=9.0)
    assert value(home, declared, sessions, 5) == 9
    assert math.isnan(value(home, own("forever"), ORDERS, 5))


def test_a_failing_function_is_told_by_feature_and_line_without_data(home: Path) -> None:
    with pytest.raises(ConfigurationError) as raised:
        value(home, own("fails"), ORDERS, 5)
    line = FILE.splitlines().index("    return customer.events[0].value / total") + 1
    told = f"feature fails: ZeroDivisionError at own_features.py line {line}"
    assert raised.value.problems == (told,)
    assert raised.value.__suppress_context__


def test_what_it_is_given_cannot_be_changed(home: Path) -> None:
    with pytest.raises(ConfigurationError, match="feature writes: TypeError"):
        value(home, own("writes"), ORDERS, 5)


def test_an_answer_that_is_no_number_is_refused(home: Path) -> None:
    with pytest.raises(ConfigurationError, match="words gave a str, not a number or None"):
        value(home, own("words"), ORDERS, 5)


def test_the_record_says_nothing_of_who_it_is() -> None:
    assert CustomerRecord._fields == ("as_of", "events")


def test_a_changed_file_is_refused_until_the_model_is_trained_again(home: Path) -> None:
    pinned = pin([own("count")], home)
    (home / "own_features.py").write_text(FILE + "\n", encoding="utf-8")
    with pytest.raises(IntegrityBroken, match="not the file feature count was made with"):
        load_functions(pinned, home)
    assert load_functions(pin([own("count")], home), home)


@pytest.mark.parametrize(
    ("function", "said"),
    [
        ("gone.py:count", "gone.py cannot be read"),
        ("own_features.py:nothing", "own_features.py has no function nothing"),
        ("broken.py:x", "broken.py line 2: "),
        ("wrong.py:x", "NameError at wrong.py line 1"),
        ("../outside.py:x", "../outside.py lies outside the home"),
    ],
)
def test_what_cannot_be_loaded_is_said_plainly(home: Path, function: str, said: str) -> None:
    (home / "broken.py").write_text("x = 1\ndef y(:\n", encoding="utf-8")
    (home / "wrong.py").write_text("x = unknown\n", encoding="utf-8")
    (home.parent / "outside.py").write_text("x = abs\n", encoding="utf-8")
    with pytest.raises(ConfigurationError) as raised:
        pin([own("count", function=function)], home)
    assert said in raised.value.problems[0]


def test_a_definition_without_digest_is_never_run(home: Path) -> None:
    with pytest.raises(IntegrityBroken):
        load_functions([own("count")], home)


def test_a_function_that_was_not_loaded_is_named() -> None:
    with pytest.raises(ConfigurationError, match="function of feature count was not loaded"):
        function_values(own("count"), {}, ORDERS, range(1), [micros(5)], np.ones(1, np.bool_))


def test_another_process_loads_it_from_the_definition_alone(home: Path) -> None:
    (pinned,) = pin([own("count")], home)
    program = (
        "import sys, json; from pathlib import Path;"
        "from features.definitions import FeatureDefinition;"
        "from features.own_functions import CustomerRecord, load_functions;"
        "each = FeatureDefinition.from_json(json.loads(sys.argv[2]));"
        "print(load_functions([each], Path(sys.argv[1]))[each.function](CustomerRecord(None, ())))"
    )
    written = json.dumps(pinned.to_json())
    told = subprocess.run(
        [sys.executable, "-c", program, str(home), written],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert told.stdout == "0\n"
