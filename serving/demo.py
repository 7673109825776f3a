"""A simulated company, from its own files to delivered and held-out interventions.

The people are made up; every step is the one a real company takes: import, permissions, training,
audit, signature, scores, playbook, holdout, outbox, signed webhooks.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from random import Random

from features.history import customer_ids
from features.simulate.company import CompanyFiles, simulate, write_company
from features.simulate.permissions import NOTICE_LOCALE, NOTICE_VERSION, NOTICES, notice_id
from governance.consent.notices import publish_notice
from governance.errors import ConfigurationError
from serving.bootstrap import Keepwell, create_home
from serving.crm.contacts import run_playbooks
from serving.dashboard.look import take_look
from serving.demo_pilot import PILOT, add_playbook, record_pilot
from serving.demo_receiver import DemoReceiver
from serving.demo_story import Acted, Imported, Story, tell
from serving.home import Home
from serving.interventions.deciding.views import count_sent
from serving.interventions.delivery.desk import OWN_ADDRESS, desk_of
from serving.interventions.delivery.dispatch import dispatch, http_client
from serving.interventions.delivery.webhook import Endpoint
from serving.models import train_model
from serving.permission.consent_files import read_consents
from serving.permission.consents import record_all
from serving.reporting.trial_look import take_look as look_at_trial
from serving.scoring.batch import score_everyone
from serving.settings import CostSettings, Settings, TargetSettings, load_settings
from serving.settings_acting import ContactSettings
from serving.settings_permission import ControllerSettings, PreferenceSettings
from serving.signing_desk import review_model
from serving.sources import import_file
from serving.tour.cast import choose_cast, without_cast, write_cast
from serving.trials.lift import lift_of
from training.pipeline import TrainResult

Clock = Callable[[], datetime]
Progress = Callable[[str], None]

PLAYBOOKS = ("personal_note", "goodwill_gesture", "csat_after_purchase")
"""Write, give after a person's yes, ask: one choice over all, at most one of them for each."""

COSTS = CostSettings(
    contact_cost=4.0,
    success_rate=0.05,
    margin_feature="order_value_sum_365d",
    margin_share=0.3,
    sources=dict.fromkeys(
        ("contact_cost", "success_rate", "margin_feature", "margin_share"),
        "simulated: made up for the demo",
    ),
)
"""What the simulated company would state of its money, so that returns can be counted."""


@dataclass(frozen=True)
class _Stage:
    keepwell: Keepwell
    progress: Progress
    clock: Clock


def run_demo(
    root: Path, *, customers: int, seed: int, port: int, progress: Progress, clock: Clock
) -> Story:
    """Make the company, run every step once, and keep what the start page shows.

    A demo home that is there already is made anew. Raises `ConfigurationError` where another kind
    of home lives.
    """
    started = clock()
    home = Home(root.resolve())
    _clear(home)
    address = f"http://127.0.0.1:{port}"
    with (
        DemoReceiver(_webhook_secret(home)) as receiver,
        _opened(home, address, clock) as opened,
    ):
        stage = _Stage(opened, progress, clock)
        progress("making up two years of a company")
        company = simulate(customers, seed, end=started)
        files = write_company(company, home.var / "company")
        imported = _import(stage, files)
        _ask(stage, files)
        progress("recording the note that was tried, by lot, last year")
        tried = record_pilot(opened, company, now=clock())
        trained = _train(stage, seed)
        progress("scoring everyone who permits it")
        scores = home.scores
        batch = score_everyone(
            opened, opened.target("churn"), out=scores, clock=clock, progress=progress
        )
        cast = choose_cast(opened, scores, now=clock())
        write_cast(cast, home.reports)
        others = without_cast(scores, cast, home.var / "run.parquet")
        acted = _act(stage, receiver, others, seed)
        others.unlink()
        progress("comparing those who got the note last year with those left alone")
        pilot = lift_of(opened, PILOT, horizon_days=None, file=None, now=clock())
        look_at_trial(opened, tried, now=clock())
        progress("taking the figures of the dashboard")
        take_look(opened, clock=clock)
        return tell(
            opened,
            imported=imported,
            trained=trained,
            batch=batch,
            scores=scores,
            acted=acted,
            pilot=pilot.lift,
            purposes=tuple(NOTICES),
            url=address,
            started=started,
            clock=clock,
        )


def _clear(home: Home) -> None:
    """Take an earlier demo away, and nothing else."""
    if not home.keys.is_dir():
        return
    kind = load_settings(home.settings_file).kind
    if kind != "demo":
        raise ConfigurationError(
            [f"a {kind} home lives here, and the demo would replace it"],
            source=str(home.root),
            hint="choose another directory: keepwell --home DIR demo",
        )
    if load_settings(home.settings_file).database_url is not None:
        raise ConfigurationError(
            ["an earlier demo lives in a database of its own, which is not the demo's to empty"],
            source=str(home.root),
            hint="choose another directory and an empty database",
        )
    for place in (home.var, home.mlruns):
        shutil.rmtree(place, ignore_errors=True)
    home.settings_file.unlink(missing_ok=True)


def _webhook_secret(home: Home) -> bytes:
    from serving.keys import create_keys

    return create_keys(home.keys).webhook


@contextmanager
def _opened(home: Home, address: str, clock: Clock) -> Iterator[Keepwell]:
    settings = Settings(
        kind="demo",
        currency="EUR",
        mode="act",
        targets={
            "churn": TargetSettings(kind="silence", silence_days=90, horizons=(30, 60, 90)),
        },
        contact=ContactSettings(quiet_from="00:00", quiet_until="00:00"),
        costs=COSTS,
        preferences=PreferenceSettings(base_url=None if address == OWN_ADDRESS else address),
        controller=ControllerSettings(
            name="Simulated company (demo)",
            address="nowhere: the company is made up",
            contact="nobody reads what is written to a demo",
        ),
    )
    keepwell = create_home(home.root, settings, now=clock())
    add_playbook(keepwell.home)
    try:
        yield keepwell
    finally:
        keepwell.close()


def _import(stage: _Stage, files: CompanyFiles) -> Imported:
    """Import what the company exported, but for the notes of its pilot: Keepwell sent those."""
    events = 0
    mappings = [each for each in files.mappings if each.stem != "contacts"]
    for mapping in mappings:
        stage.progress(f"importing {mapping.stem}")
        done = import_file(
            stage.keepwell, mapping, None, now=stage.clock(), progress=stage.progress
        )
        events += done.events_written
    with stage.keepwell.database.read() as conn:
        return Imported(len(customer_ids(conn)), events, len(mappings))


def _ask(stage: _Stage, files: CompanyFiles) -> None:
    keepwell = stage.keepwell
    answers = read_consents(
        files.permissions, zone=keepwell.settings.zone, rename=keepwell.inside_id
    )
    stage.progress(f"recording {len(answers.changes):,} answers about permission")
    with keepwell.database.write() as conn:
        for purpose, words in NOTICES.items():
            publish_notice(
                conn,
                notice_id=notice_id(purpose),
                version=NOTICE_VERSION,
                locale=NOTICE_LOCALE,
                content=words,
                purposes=[purpose],
                material=True,
                now=stage.clock(),
            )
    record_all(keepwell, answers.changes, clock=stage.clock)


def _train(stage: _Stage, seed: int) -> TrainResult:
    keepwell = stage.keepwell
    stage.progress("training the churn model")
    trained = train_model(
        keepwell,
        keepwell.target("churn"),
        seed=seed,
        author="demo",
        command=f"keepwell demo --seed {seed}",
        now=stage.clock(),
        progress=stage.progress,
    )
    stage.progress("signing the model: the demo itself, nobody reviewed it")
    review_model(
        keepwell,
        trained.facts.model_digest,
        outcome="approve",
        key=None,
        reason="",
        now=stage.clock(),
        show_refused=True,
    )
    return trained


def _act(stage: _Stage, receiver: DemoReceiver, scores: Path, seed: int) -> Acted:
    keepwell = stage.keepwell
    stage.progress("asking the playbooks, the policy and the lot")
    runs = run_playbooks(keepwell, PLAYBOOKS, scores=scores, clock=stage.clock)
    queued = sum(each.done.count("queued") for each in runs)
    stage.progress(f"delivering {queued:,} signed messages")
    endpoint = Endpoint(receiver.url, keepwell.keys.webhook)
    with http_client() as client:
        jitter = Random(seed)  # noqa: S311
        dispatch(desk_of(keepwell), endpoint, client, clock=stage.clock, rng=jitter)
    with keepwell.database.read() as conn:
        sent = {each.playbook.name: count_sent(conn, each.playbook.name) for each in runs}
    return Acted(runs, sent)
