"""Which model a worker has in memory: new ones come in beside the requests, damaged ones do not."""

from pathlib import Path

import pytest

from serving.doctor import examine
from serving.model_watch import ModelWatch
from serving.scoring.champions import Champions, NotLoaded, try_in_child
from serving.scoring.scorer import Scorer
from tests.serving.conftest import Shop
from training.bundle import LoadedModel
from training.model import Matrix, Scores


def fresh(shop: Shop) -> Champions:
    """What a worker knows that has just started."""
    return Champions(shop.keepwell.home, home_kind="production", trial=lambda *_: None)


def serves(shop: Shop, champions: Champions) -> str:
    shop.pass_days(1 / 86_400)
    with shop.keepwell.database.read() as conn:
        found = champions.of(conn, "churn", now=shop.clock())
    assert found is not None
    return found[0].model.digest


def look(shop: Shop, champions: Champions) -> None:
    ModelWatch(shop.keepwell, champions, clock=shop.clock).look()


def damage(shop: Shop, model_digest: str) -> Path:
    file = shop.keepwell.home.bundles / model_digest / "linear.json"
    file.write_bytes(file.read_bytes() + b" ")
    return file


def test_the_model_before_serves_until_the_new_one_is_loaded(regular: Shop) -> None:
    champions = fresh(regular)
    look(regular, champions)
    champions.load_beside()
    before = serves(regular, champions)
    newer = regular.approve_model(intercept=0.25)
    assert serves(regular, champions) == before
    look(regular, champions)
    assert serves(regular, champions) == newer


def test_a_model_has_said_something_before_the_first_request_asks(
    regular: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    predict = LoadedModel.predict

    def noting(model: LoadedModel, values: Matrix) -> Scores:
        asked.append(len(values))
        return predict(model, values)

    monkeypatch.setattr(LoadedModel, "predict", noting)
    look(regular, fresh(regular))
    assert asked == [1]


def test_a_first_model_is_loaded_by_whoever_asks(regular: Shop) -> None:
    champions = fresh(regular)
    champions.load_beside()
    with pytest.raises(NotLoaded):
        serves(regular, champions)


def test_a_worker_that_starts_beside_a_damaged_model_serves_the_one_before(regular: Shop) -> None:
    before = regular.scorer.score(["ann"], targets=["churn"]).results[0].model_digest
    damage(regular, regular.approve_model(intercept=0.25))
    started = Scorer(regular.keepwell, clock=regular.clock, trial=lambda *_: None)
    assert started.score(["ann"], targets=["churn"]).results[0].model_digest == before


def test_a_damaged_model_serves_once_its_files_are_put_back(regular: Shop) -> None:
    champions = fresh(regular)
    newer = regular.approve_model(intercept=0.25)
    file = damage(regular, newer)
    look(regular, champions)
    assert champions.damaged == {newer}
    file.write_bytes(file.read_bytes()[:-1])
    look(regular, champions)
    assert (serves(regular, champions), len(champions.damaged)) == (newer, 0)


def test_a_model_that_is_replaced_leaves_the_memory(regular: Shop) -> None:
    champions = fresh(regular)
    look(regular, champions)
    before = serves(regular, champions)
    regular.approve_model(intercept=0.25)
    look(regular, champions)
    serves(regular, champions)
    assert before not in champions._loaded


def test_a_bundle_that_passed_is_tried_once(regular: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    [bundle] = regular.keepwell.home.bundles.iterdir()
    tried = list[Path]()
    monkeypatch.setattr("serving.scoring.champions.probe", lambda found, **_: tried.append(found))
    for _ in range(2):
        try_in_child(bundle, bundle.name)
    assert tried == [bundle]
    damage(regular, bundle.name)
    try_in_child(bundle, bundle.name)
    assert tried == [bundle] * 2


def test_doctor_says_that_an_approved_model_is_damaged(regular: Shop) -> None:
    damage(regular, regular.approve_model(intercept=0.25))
    found = {each.name: each for each in examine(regular.keepwell.home.root, now=regular.clock())}
    assert "damaged or gone" in found["model churn"].found
    assert found["model churn"].outcome == "attention"
