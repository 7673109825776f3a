"""What readings are worth is learned once, beside the requests, and again after a withdrawal."""

import threading
from datetime import timedelta
from typing import Any, cast

import pytest

from features.wellbeing.noise import Noise
from features.wellbeing.scheme import Scheme
from governance.errors import InsufficientData
from serving.noise_memory import KEPT, Learn, Learned, NoiseMemory, StillLearning
from serving.permission.consents import withdraw
from tests.serving.conftest import Shop

FIVE = Scheme("five", ())
OTHER = Scheme("other", ())


class Learning:
    """Learns from whoever permits it in a shop, and counts how often."""

    def __init__(self, shop: Shop) -> None:
        self.shop, self.times, self.may = shop, 0, threading.Event()
        self.may.set()

    def under(self, scheme: Scheme) -> Learn:
        def learn() -> Learned:
            self.may.wait(10)
            self.times += 1
            keepwell = self.shop.keepwell
            with keepwell.database.read() as conn:
                permit, _ = keepwell.registry.permit_many(
                    conn, "wellbeing_inference", ["ann", "bob"], now=self.shop.clock()
                )
            if not permit.customers:
                raise InsufficientData("nobody permits it")
            return Learned(scheme, cast(Noise, object()), permit)

        return learn


def _ask(
    shop: Shop, memory: NoiseMemory, learning: Learning, scheme: Scheme = FIVE, **more: Any
) -> Noise:
    with shop.keepwell.database.read() as conn:
        return memory.of(
            shop.keepwell.registry, conn, learning.under(scheme), scheme, now=shop.clock(), **more
        )


@pytest.fixture
def faring(shop: Shop) -> Shop:
    for customer in ("ann", "bob"):
        shop.order(customer, 3)
        shop.permit(customer, "wellbeing_inference")
    return shop


def test_it_is_learned_once_for_everyone_who_asks(faring: Shop) -> None:
    memory, learning = NoiseMemory(), Learning(faring)
    assert _ask(faring, memory, learning) is _ask(faring, memory, learning)
    assert learning.times == 1


def test_it_is_learned_again_once_one_of_the_people_withdraws(faring: Shop) -> None:
    memory, learning = NoiseMemory(), Learning(faring)
    before = _ask(faring, memory, learning)
    withdraw(faring.keepwell, "bob", "wellbeing_inference", actor="bob", clock=faring.clock)
    assert _ask(faring, memory, learning) is not before
    assert learning.times == 2


def test_it_is_learned_again_after_hours_and_for_another_scheme(faring: Shop) -> None:
    memory, learning = NoiseMemory(), Learning(faring)
    _ask(faring, memory, learning)
    _ask(faring, memory, learning, OTHER)
    faring.pass_days((KEPT + timedelta(minutes=1)) / timedelta(days=1))
    _ask(faring, memory, learning, OTHER)
    assert learning.times == 3


def test_whoever_asks_too_early_is_told_to_look_again(faring: Shop) -> None:
    memory, learning = NoiseMemory(), Learning(faring)
    learning.may.clear()
    with pytest.raises(StillLearning):
        _ask(faring, memory, learning, patience_seconds=0.01)
    learning.may.set()
    _ask(faring, memory, learning)
    assert learning.times == 1


def test_what_could_not_be_learned_is_said_and_tried_again(faring: Shop) -> None:
    memory, learning = NoiseMemory(), Learning(faring)
    for customer in ("ann", "bob"):
        withdraw(faring.keepwell, customer, "wellbeing_inference", actor="x", clock=faring.clock)
    for _ in range(2):
        with pytest.raises(InsufficientData):
            _ask(faring, memory, learning)
    faring.permit("ann", "wellbeing_inference")
    _ask(faring, memory, learning)
    assert learning.times == 3
