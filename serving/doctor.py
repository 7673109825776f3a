"""What is installed, configured and reachable, and what to do about what is not."""

import ctypes.util
import importlib.metadata
import shutil
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal, NamedTuple

from sqlalchemy import Connection, func, select

from features.compaction import Tail, strays, waiting
from features.history import observed_until
from features.store import Bucket, buckets
from features.tables import customers
from governance.consent.notices import current_notices
from governance.errors import ConfigurationError, KeepwellError, NotFound
from governance.review.reviews import champion
from governance.signing.keys import is_vouched, list_signing_keys
from governance.tables import ledger_head
from serving.access.auth import list_keys
from serving.bootstrap import Keepwell, open_home
from serving.courier import mail_server_of
from serving.home import Home, keep_private
from serving.interventions.delivery.email_server import check_server
from serving.interventions.delivery.targets import Reach
from serving.interventions.delivery.webhook import Endpoint, addresses_of, check_endpoint
from serving.interventions.playbooks.playbook import playbooks_of
from serving.interventions.policy.modes import mode_standing
from serving.migrate import current_revision
from serving.record.restore import standing
from serving.record.retention_runs import last_run
from serving.record.review_requests import list_requests
from serving.scoring.staleness import Monitored, newest
from serving.tables import contact_addresses

Outcome = Literal["ok", "attention", "missing"]
_PACKAGES = ("lightgbm", "scikit-learn", "shap", "mlflow", "fairlearn", "bentoml", "duckdb")
_KEY_ENDS_SOON = timedelta(days=14)
_LOW_DISK = 2 * 1024**3
_MANY_SEGMENTS = 20
_MANY_REQUESTS = 1_000


class Check(NamedTuple):
    """One thing looked at: what was found and, unless it is ok, what to do."""

    name: str
    outcome: Outcome
    found: str
    advice: str = ""


def examine(root: Path, *, now: datetime) -> tuple[Check, ...]:
    """Look at the machine and at the home below `root`; never raises for what it finds."""
    checks = list(_machine(root))
    home = Home(root)
    try:
        keepwell = open_home(root)
    except KeepwellError as error:
        return (*checks, Check("home", "missing", error.message, error.hint))
    try:
        checks += _home(keepwell, home, now)
    finally:
        keepwell.close()
    return tuple(checks)


def _machine(root: Path) -> Iterator[Check]:
    version = ".".join(str(part) for part in sys.version_info[:3])
    yield Check("python", "ok", version)
    for package in _PACKAGES:
        try:
            yield Check(package, "ok", importlib.metadata.version(package))
        except importlib.metadata.PackageNotFoundError:
            yield Check(package, "missing", "not installed", "make setup")
    if ctypes.util.find_library("gomp"):
        yield Check("libgomp", "ok", "found (LightGBM links it)")
    else:
        yield Check("libgomp", "missing", "not found", "apt-get install libgomp1")
    free = shutil.disk_usage(root if root.exists() else Path.cwd()).free
    yield Check(
        "disk",
        "ok" if free > _LOW_DISK else "attention",
        f"{free / 1024**3:.1f} GiB free",
        "" if free > _LOW_DISK else "make room before importing or training",
    )


def _home(keepwell: Keepwell, home: Home, now: datetime) -> Iterator[Check]:
    yield Check("home", "ok", f"{keepwell.kind} home at {home.root}")
    yield Check("settings", "ok", _settings_in_words(keepwell))
    yield _playbooks(home)
    loose = [path.name for path in home.keys.iterdir() if path.stat().st_mode & 0o077]
    yield Check(
        "keys",
        "attention" if loose else "ok",
        f"{', '.join(loose)} can be read by others" if loose else "readable by the owner alone",
        f"chmod 600 {home.keys}/*" if loose else "",
    )
    private = keep_private(home.var)
    yield Check(
        "files",
        "ok" if private else "attention",
        "var is open to its owner alone" if private else "var can be read by others",
        "" if private else f"as its owner: chmod 700 {home.var}",
    )
    with keepwell.database.read() as conn:
        revision = current_revision(conn)
        yield Check("database", "ok", f"{conn.dialect.name}, revision {revision}")
        for check in (
            _history,
            _permission,
            _mode,
            _log,
            _rights,
            _webhook,
            _email,
            _api_keys,
            _reviewers,
            _models,
        ):
            yield from check(keepwell, conn, now)


def _playbooks(home: Home) -> Check:
    whose = f"in {home.playbooks.name}" if home.playbooks.is_file() else "the starters"
    try:
        found = playbooks_of(home)
    except ConfigurationError as error:
        mistakes = _count(len(error.problems), "mistake")
        return Check("playbooks", "attention", f"{mistakes} {whose}", "keepwell playbooks check")
    return Check("playbooks", "ok", f"{_count(len(found), 'playbook')}, {whose}")


def _settings_in_words(keepwell: Keepwell) -> str:
    settings = keepwell.settings
    stated = "read" if keepwell.home.settings_file.exists() else "all defaults"
    return f"{stated}; mode {settings.mode}, zone {settings.timezone}, {settings.currency}"


def _history(keepwell: Keepwell, conn: Connection, now: datetime) -> Iterator[Check]:
    last = observed_until(conn)
    if last is None:
        yield Check("history", "attention", "empty", "keepwell import MAPPING --source FILE")
        return
    files, tail = buckets(conn), waiting(conn)
    events = sum(bucket.rows for bucket in files) + tail.events
    people = conn.execute(select(func.count()).select_from(customers)).scalar_one()
    size = sum(path.stat().st_size for path in keepwell.home.history.glob("*.parquet"))
    days = max((now - last).days, 0)
    yield Check(
        "history",
        "ok",
        f"{people:,} customers, {events:,} events ({size / 1e6:.1f} MB); "
        f"last event {last:%Y-%m-%d}, {days} days ago",
    )
    yield _files(files, tail, now)
    left = strays(conn, keepwell.store)
    if left:
        yield Check(
            "history strays",
            "attention",
            f"{len(left)} files that nothing names: an import runs now, or one was killed",
            "keepwell compact removes them",
        )


def _permission(keepwell: Keepwell, conn: Connection, now: datetime) -> Iterator[Check]:
    """Look at what people are told when they are asked; an evaluation home asks nobody."""
    if keepwell.kind != "production":
        return
    complete = keepwell.settings.controller.handling().is_complete
    yield Check(
        "controller",
        "ok" if complete else "attention",
        "stated in every receipt" if complete else "receipts do not say who answers for the data",
        "" if complete else "fill [controller] in keepwell.toml (docs/consent-registry.md)",
    )
    asked = sorted(current_notices(conn))
    yield Check(
        "notices",
        "ok" if asked else "attention",
        f"words in force for {', '.join(asked) or 'no purpose'}",
        "" if asked else "publish what you ask people: keepwell consent notice publish --help",
    )
    stops = keepwell.settings.preferences.base_url is not None
    if keepwell.settings.webhook.url is not None or keepwell.settings.email.host is not None:
        yield Check(
            "stop links",
            "ok" if stops else "attention",
            "in every message of outreach" if stops else "outreach is refused without them",
            "" if stops else "set base_url of [preferences] in keepwell.toml",
        )


def _mode(keepwell: Keepwell, conn: Connection, now: datetime) -> Iterator[Check]:
    """Say how far Keepwell goes by itself, and why not as far as the settings say."""
    found = mode_standing(conn, home_kind=keepwell.kind, stated=keepwell.settings.mode)
    if found.why and keepwell.kind == "production":
        yield Check(
            "mode", "attention", f"{found.effective} is in force; {found.why}", "keepwell mode show"
        )
    elif keepwell.kind == "demo":
        yield Check("mode", "ok", f"{found.effective}; a demo reaches nobody, so all is unlocked")
    else:
        yield Check("mode", "ok", f"{found.effective} is in force")


def _files(files: Sequence[Bucket], tail: Tail, now: datetime) -> Check:
    segments = len({bucket.segment_id for bucket in files})
    old = sum(bucket.subject is None for bucket in files)
    found = f"{_count(segments, 'segment')} in {_count(len(files), 'file')}, "
    found += f"{tail.events:,} live events in none yet"
    if tail.since is not None:
        hours = max((now - tail.since).total_seconds(), 0) / 3600
        found += f", the oldest for {hours:,.0f} hours"
    late = tail.since is not None and now - tail.since > timedelta(days=2)
    if old:
        found += f"; {old} files are of an older version"
    slow = late or old or segments > _MANY_SEGMENTS
    advice = "keepwell compact, so that reading everyone is fast; the service does it daily"
    return Check("history files", "attention" if slow else "ok", found, advice if slow else "")


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number:,} {what}s"


def _log(keepwell: Keepwell, conn: Connection, now: datetime) -> Iterator[Check]:
    entries = conn.execute(select(func.max(ledger_head.c.seq))).scalar() or 0
    yield Check("ledger", "ok", f"{entries:,} entries; check them with: keepwell ledger verify")


def _rights(keepwell: Keepwell, conn: Connection, now: datetime) -> Iterator[Check]:
    """Say whether people wait for an answer, and whether a restored database is behind."""
    waiting = list_requests(conn, status="open", limit=_MANY_REQUESTS)
    late = sum(each.overdue(now) for each in waiting)
    found = f"{_count(len(waiting), 'contested decision')} waiting"
    yield Check(
        "rights",
        "attention" if late else "ok",
        f"{found}, {late:,} overdue" if late else found,
        "keepwell rights review list" if late else "",
    )
    last = last_run(conn)
    when = "never applied" if last is None else f"last applied {last.applied_at:%Y-%m-%d}"
    how = "daily by the service" if keepwell.settings.retention.automatic else "by hand"
    yield Check("retention", "ok", f"{when}, {how}; see it with: keepwell retention show")
    yield _journal(keepwell, conn)


def _journal(keepwell: Keepwell, conn: Connection) -> Check:
    """Say how the file of erasures and withdrawals stands to what the database knows of it."""
    found = standing(keepwell, conn)
    if found == "lost":
        return Check(
            "journal",
            "missing",
            "gone, cut short or another than the database knows; nothing is served",
            f"put {keepwell.journal.path} back from where it is kept; where no copy is left: "
            "keepwell ledger accept-lost-journal",
        )
    if found == "behind":
        return Check(
            "journal",
            "attention",
            "the database is older than what people have asked for since",
            "any command settles it before it does anything else, as does the service",
        )
    return Check("journal", "ok", f"{keepwell.journal.position:,} bytes, all known here")


def _email(keepwell: Keepwell, conn: Connection, now: datetime) -> Iterator[Check]:
    """Say whether e-mails could leave by what is set; the mail server itself is not asked."""
    try:
        server = mail_server_of(keepwell)
        if server is None:
            return
        check_server(server, home_kind=keepwell.kind)
    except ConfigurationError as error:
        yield Check("email", "attention", error.message, error.hint or "see docs/email.md")
        return
    held = conn.execute(select(func.count()).select_from(contact_addresses)).scalar_one()
    detail = f"{held:,} addresses are held; try the way: keepwell messages test ADDRESS"
    yield Check("email", "ok", detail)


def _webhook(keepwell: Keepwell, conn: Connection, now: datetime) -> Iterator[Check]:
    """Look up where messages go, as the courier does before each of them."""
    webhook = keepwell.settings.webhook
    if webhook.url is None:
        return
    endpoint = Endpoint(
        webhook.url, keepwell.keys.webhook, reach=Reach.stated(webhook.allow_private)
    )
    try:
        check_endpoint(endpoint, home_kind=keepwell.kind)
        addresses_of(endpoint, home_kind=keepwell.kind)
    except KeepwellError as error:
        yield Check("webhook", "attention", error.message, error.hint or "see docs/security.md")
    else:
        yield Check("webhook", "ok", "its host leads where messages may go")


def _api_keys(keepwell: Keepwell, conn: Connection, now: datetime) -> Iterator[Check]:
    """Say how many keys work, and which of them end soon without a successor."""
    works = [each for each in list_keys(conn) if each.state(now) == "valid"]
    soon = [
        each
        for each in works
        if each.successor_id is None
        and each.expires_at is not None
        and each.expires_at - now < _KEY_ENDS_SOON
    ]
    found = _count(len(works), "key") + " in use"
    found += "".join(
        f"; {each.prefix} of {each.owner} ends {each.expires_at:%Y-%m-%d}" for each in soon
    )
    advice = "; ".join(f"keepwell keys rotate {each.key_id}" for each in soon)
    yield Check("api keys", "attention" if soon else "ok", found, advice)


def _reviewers(keepwell: Keepwell, conn: Connection, now: datetime) -> Iterator[Check]:
    if keepwell.kind != "production":
        yield Check("reviewers", "ok", f"none needed: a {keepwell.kind} home signs itself")
        return
    keys = [each for each in list_signing_keys(conn) if each.revoked_at is None]
    vouched = sum(is_vouched(conn, each) for each in keys)
    advice = ""
    if not keys:
        advice = "keepwell keys create --scope audit:sign --owner NAME --enrolment-key KEY"
    elif not vouched:
        advice = "they approve nothing: make them with --enrolment-key"
    found = f"{_count(len(keys), 'signing key')}, {vouched} vouched for"
    yield Check("reviewers", "attention" if advice else "ok", found, advice)


def _models(keepwell: Keepwell, conn: Connection, now: datetime) -> Iterator[Check]:
    for name in sorted(keepwell.targets):
        approval = champion(conn, name, now=now)
        if approval is None:
            advice = f"keepwell train {name}, then keepwell review approve {name}"
            yield Check(f"model {name}", "attention", "none is approved", advice)
            continue
        signed = "self-signed" if approval.self_signed else f"signed by {approval.reviewer}"
        found = f"{approval.model_digest[:12]} {signed}"
        if not _is_whole(keepwell, approval.model_digest):
            found += "; its files are damaged or gone: the model before it serves, if any"
            advice = f"restore var/bundles from a backup, or: keepwell train {name}"
            yield Check(f"model {name}", "attention", found, advice)
            continue
        yield _standing(keepwell, name, found, newest(conn, name, approval.model_digest), now)


def _is_whole(keepwell: Keepwell, model_digest: str) -> bool:
    """Whether a bundle is there, byte for byte."""
    from training.bundle import digest  # brings LightGBM, which the rest here does without

    try:
        return digest(keepwell.home.bundles / model_digest) == model_digest
    except NotFound:
        return False


def _standing(
    keepwell: Keepwell, name: str, found: str, look: Monitored | None, now: datetime
) -> Check:
    """Say where a serving model stands, by the last look at it, and what to do."""
    if look is None:
        text = f"{found}; not looked at yet"
        return Check(f"model {name}", "attention", text, f"keepwell monitor {name}")
    text = f"{found}; {look.status}, looked at {look.monitored_at:%Y-%m-%d}"
    text += "".join(f"; {reason}" for reason in look.reasons)
    advice = ""
    if look.status == "retrain":
        stops = keepwell.settings.monitoring.on_stale == "stop"
        advice = f"keepwell train {name}, then keepwell review approve {name}"
        advice += "; until then it answers no more" if stops else "; it goes on scoring"
    elif look.status == "watch":
        advice = f"see the figures: keepwell monitor {name}"
    late = now - look.monitored_at > timedelta(hours=2 * keepwell.settings.monitoring.every_hours)
    if late and not advice:
        advice = f"look again: keepwell monitor {name}; the service does it daily"
    return Check(f"model {name}", "attention" if advice else "ok", text, advice)
