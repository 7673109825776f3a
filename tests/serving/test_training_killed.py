"""A training that is killed changes nothing that serves, and the next one puts things in order."""

import signal
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from governance.review.reviews import approval
from serving.bootstrap import Keepwell, open_home
from serving.models import train_model
from serving.settings import Settings
from serving.signing_desk import review_model
from serving.sources import import_file
from tests.conftest import long_form
from tests.serving.children import forked
from tests.serving.dying_training import POINTS, train_and_die
from tests.serving.homes import new_home
from tests.training.company import SNAPSHOT, write_people
from training.tracking import Tracking

NOW = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Keepwell, str]]:
    """Give a home whose model of churn is signed, and that model's digest."""
    place = tmp_path_factory.mktemp("killed")
    write_people(place / "people.csv", 500)
    (place / "people.toml").write_text(SNAPSHOT)
    keepwell = new_home(place / "home", Settings(kind="evaluation"), now=NOW)
    import_file(keepwell, place / "people.toml", None, now=NOW)
    keepwell.close()
    keepwell = open_home(keepwell.home.root)  # the label that came with the data is a target now
    digest = train(keepwell, seed=0)
    review_model(
        keepwell, digest, outcome="approve", key=None, reason="", now=NOW, show_refused=True
    )
    yield keepwell, digest
    keepwell.close()


def train(keepwell: Keepwell, *, seed: int) -> str:
    target = keepwell.target("churn")
    found = train_model(keepwell, target, trials=1, seed=seed, command="a test", now=NOW)
    return found.facts.model_digest


def champions(keepwell: Keepwell) -> tuple[str | None, str | None]:
    """What may serve, and what MLflow calls champion."""
    with keepwell.database.read() as conn:
        found = approval(conn, "churn", now=NOW)
    mirrored = Tracking(keepwell.home.mlruns).champion_digest("churn")
    return None if found is None else found.model_digest, mirrored


def statuses(keepwell: Keepwell) -> list[str]:
    """How every training of churn ended, oldest first."""
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=Tracking(keepwell.home.mlruns).uri)
    experiment = client.get_experiment_by_name("churn").experiment_id
    found = client.search_runs(
        [experiment], "tags.kind = 'training'", order_by=["attributes.start_time ASC"]
    )
    return [str(each.info.status) for each in found]


@pytest.mark.parametrize("point", POINTS)
def test_a_training_killed_at_any_point_leaves_the_champion_as_it_was(
    served: tuple[Keepwell, str], point: str
) -> None:
    if point in ("bundled", "written"):  # what comes next is a step further than these
        long_form()
    keepwell, digest = served
    context = forked()
    root = str(keepwell.home.root)
    child = context.Process(target=train_and_die, args=(root, point, NOW.isoformat()))
    child.start()
    child.join(timeout=120)
    assert child.exitcode == -signal.SIGKILL
    assert champions(keepwell) == (digest, digest)


def test_after_killed_trainings_the_next_one_works_and_closes_their_runs(
    served: tuple[Keepwell, str],
) -> None:
    keepwell, digest = served
    newer = train(keepwell, seed=2)
    assert newer != digest
    assert champions(keepwell) == (digest, digest)
    found = statuses(keepwell)
    assert "RUNNING" not in found
    assert found[-1] == "FINISHED"
    assert found.count("KILLED") == 2  # the point "bundled" comes before there is a run
