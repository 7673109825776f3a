"""What promotes a model: a signature by somebody else, and nothing that anyone can type or set."""

from pathlib import Path

import pytest

from governance.errors import ConfigurationError, InvalidInput, PermissionRefused
from governance.log.ledger import entries
from governance.review.reviews import Candidate, champion, find_model, self_sign, submit
from serving.access.key_issue import end_key, issue_key, machine_user
from serving.new_home import make_home
from serving.settings import Settings
from serving.signing_desk import review_model
from tests.serving.conftest import Clock, Shop, register_model, save_bundle
from tests.serving.homes import new_home


@pytest.fixture
def waiting(shop: Shop) -> Shop:
    """A production home in which this very user of the machine trained a model."""
    digest = save_bundle(shop.keepwell)
    with shop.keepwell.database.write() as conn:
        register_model(conn, shop.keepwell, digest, now=shop.clock())
        found = find_model(conn, digest)
        again = Candidate(found.facts, digest, found.verdict, submitted_by=machine_user())
        submit(conn, shop.keepwell.ledger, again, now=shop.clock())
    return shop


def key_of(shop: Shop, owner: str, enrolment_secret: str | None = None) -> str:
    return issue_key(
        shop.keepwell, ["audit:sign"], owner=owner, now=shop.clock(),
        enrolment_secret=enrolment_secret,
    ).key  # fmt: skip


def approve(shop: Shop, key: str | None) -> None:
    review_model(
        shop.keepwell, "churn", outcome="approve", key=key, reason="read it", now=shop.clock()
    )


def serves(shop: Shop) -> bool:
    with shop.keepwell.database.read() as conn:
        return champion(conn, "churn", now=shop.clock()) is not None


@pytest.mark.parametrize("variable", ["USER", "LOGNAME", "LNAME", "USERNAME"])
def test_the_authors_shell_typing_another_name_cannot_promote(
    waiting: Shop, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "somebody-else")
    with pytest.raises(PermissionRefused) as raised:
        approve(waiting, key_of(waiting, "Somebody Else"))
    assert raised.value.reason == "not_vouched"
    assert not serves(waiting)


def test_an_attempt_to_sign_what_one_may_not_is_in_the_log(waiting: Shop) -> None:
    with pytest.raises(PermissionRefused):
        approve(waiting, key_of(waiting, "Somebody Else"))
    with waiting.keepwell.database.read() as conn:
        last = entries(conn)[-1]
    assert last.kind == "review_refused"
    assert '"reason":"not_vouched"' in last.body
    assert "Somebody" not in last.body


def test_a_reviewer_the_enrolment_key_vouches_for_promotes(tmp_path: Path) -> None:
    clock = Clock()
    made = make_home(tmp_path / "home", evaluation=False, timezone=None, currency=None, now=clock())
    keepwell = new_home(tmp_path / "home", Settings(), now=clock())
    shop = Shop(keepwell, clock)
    digest = save_bundle(keepwell)
    with keepwell.database.write() as conn:
        register_model(conn, keepwell, digest, now=clock())
    approve(shop, key_of(shop, "Grace", made.enrolment_key))
    assert serves(shop)
    keepwell.close()


def test_the_enrolment_key_is_shown_once_and_only_where_it_matters(tmp_path: Path) -> None:
    def made(name: str, *, evaluation: bool) -> str | None:
        return make_home(
            tmp_path / name, evaluation=evaluation, timezone=None, currency=None, now=Clock()()
        ).enrolment_key

    first = made("shop", evaluation=False)
    assert first is not None
    assert first.startswith("kwe_")
    assert made("shop", evaluation=False) is None
    assert made("trial", evaluation=True) is None


def test_a_wrong_key_cannot_sign(waiting: Shop) -> None:
    key = key_of(waiting, "Grace")
    with pytest.raises(PermissionRefused):
        approve(waiting, key[:-4] + "AAAA")
    with pytest.raises(InvalidInput):
        approve(waiting, "a name")
    with pytest.raises(InvalidInput, match="enrolled key"):
        approve(waiting, None)
    assert not serves(waiting)


def test_a_key_that_was_ended_signs_no_more(waiting: Shop) -> None:
    made = issue_key(waiting.keepwell, ["audit:sign"], owner="Grace", now=waiting.clock())
    end_key(waiting.keepwell, made.key_id, now=waiting.clock())
    with pytest.raises(PermissionRefused) as raised:
        approve(waiting, made.key)
    assert raised.value.reason == "unknown_key"


def test_a_production_home_cannot_sign_itself_whatever_its_settings_say(waiting: Shop) -> None:
    home = waiting.keepwell.home
    with waiting.keepwell.database.write() as conn, pytest.raises(PermissionRefused):
        self_sign(
            conn, waiting.keepwell.ledger, "churn", home_kind="evaluation",
            private_key=waiting.keepwell.keys.ledger, now=waiting.clock(),
        )  # fmt: skip
    home.settings_file.write_text('kind = "evaluation"\n', encoding="utf-8")
    with pytest.raises(ConfigurationError, match="was made as"):
        new_home(home.root, Settings(kind="evaluation"), now=waiting.clock())


@pytest.fixture
def by_hand(regular: Shop) -> tuple[Shop, str]:
    """Someone registers another model in MLflow and calls it champion."""
    from mlflow import MlflowClient

    other = save_bundle(regular.keepwell, intercept=3.0)
    folder = regular.keepwell.home.mlruns
    folder.mkdir(parents=True, exist_ok=True)
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    client.create_registered_model("churn")
    version = client.create_model_version(
        "churn", source=str(regular.keepwell.home.bundles / other)
    )
    client.set_model_version_tag("churn", version.version, "model_digest", other)
    client.set_registered_model_alias("churn", "champion", version.version)
    return regular, other


@pytest.mark.filterwarnings("ignore")
def test_an_alias_set_by_hand_in_mlflow_changes_nothing_that_is_served(
    by_hand: tuple[Shop, str],
) -> None:
    shop, other = by_hand
    with shop.keepwell.database.read() as conn:
        approved = champion(conn, "churn", now=shop.clock())
    [answer] = shop.scorer.score(["ann"], targets=["churn"]).results
    assert approved is not None
    assert answer.status == "scored"
    assert answer.model_digest == approved.model_digest != other


def test_a_review_stands_where_mlflow_cannot_be_told(
    waiting: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("serving.signing_desk._tell_mlflow", gone)
    review_model(
        waiting.keepwell, "churn", outcome="reject", key=key_of(waiting, "Grace"),
        reason="too thin", now=waiting.clock(),
    )  # fmt: skip
    with waiting.keepwell.database.read() as conn:
        assert find_model(conn, "churn").status == "rejected"
