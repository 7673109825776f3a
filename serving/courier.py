"""What the service does in the background; any number of workers and hosts may have one of each.

The courier carries due messages out; the keeper keeps the history's files in step, and once a day
applies retention where that is automatic and has models and figures looked at.
"""

import random
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from features.compaction import tidy, waiting
from features.history import observed_until
from governance.errors import ConfigurationError, InvalidInput, KeepwellError
from serving.bootstrap import Keepwell
from serving.dashboard.shelf import is_due
from serving.interventions.delivery.desk import desk_of
from serving.interventions.delivery.dispatch import dispatch, http_client
from serving.interventions.delivery.email_addresses import parse_address
from serving.interventions.delivery.email_server import EXCHANGE_SECONDS, MailServer, check_server
from serving.interventions.delivery.email_text import Sender
from serving.interventions.delivery.score_news import begin_telling, tell_changes
from serving.interventions.delivery.targets import Reach
from serving.interventions.delivery.webhook import Endpoint
from serving.interventions.lots.experiments import any_running
from serving.rights.retention import apply_if_due
from serving.scoring.staleness import due_targets

PAUSE_SECONDS = 2.0
KEEPER_PAUSE_SECONDS = 60.0
MANY_EVENTS = 50_000
"""So many live events are copied at once, fewer when the oldest has waited a day."""
FIRST_LOOK_SPREAD = timedelta(minutes=10)
"""Over how long the first looks of services that start together are spread."""

Failed = Callable[[str], None]
"""Is told which job failed: `sending`, `compacting`, `retention` or `monitoring`."""

log = structlog.get_logger("keepwell.courier")


class Courier(threading.Thread):
    """Looks every two seconds for messages that are due and sends them, one after another.

    Signed ones go to `endpoint`, e-mails by `mail`; either may be missing.
    """

    def __init__(
        self,
        keepwell: Keepwell,
        endpoint: Endpoint | None,
        *,
        clock: Callable[[], datetime],
        failed: Failed = lambda _: None,
        mail: MailServer | None = None,
    ) -> None:
        super().__init__(name="courier", daemon=True)
        self._failed = failed
        self._desk = desk_of(keepwell)
        self._endpoint = endpoint
        self._mail = mail
        self._longest = 0.0 if endpoint is None else endpoint.timeout_s
        self._clock = clock
        self._stopped = threading.Event()

    def run(self) -> None:
        """Send until stopped; what goes wrong is logged by its kind and tried again later."""
        with http_client(seconds=self._longest or 1.0) as client:
            rng = random.Random()  # noqa: S311 - spreads retries, guards nothing
            pause = PAUSE_SECONDS
            while not self._stopped.wait(pause):
                pause = PAUSE_SECONDS
                try:
                    done = dispatch(
                        self._desk,
                        self._endpoint,
                        client,
                        clock=self._clock,
                        rng=rng,
                        limit=1,
                        mail=self._mail,
                    )
                except KeepwellError as error:
                    log.error("sending failed", code=error.code, message=error.message)
                    self._failed("sending")
                except Exception as error:  # noqa: BLE001 - a courier must not die of one bad day
                    log.error("sending failed", kind=type(error).__name__)
                    self._failed("sending")
                else:
                    pause = 0.0 if done.outcomes else PAUSE_SECONDS

    def stop(self) -> None:
        """Finish the message at hand and end."""
        self._stopped.set()
        mailing = 0.0 if self._mail is None else EXCHANGE_SECONDS
        self.join(timeout=max(self._longest, mailing) + 5)


def start_courier(
    keepwell: Keepwell, *, clock: Callable[[], datetime], failed: Failed = lambda _: None
) -> Courier | None:
    """Start sending for a home that has somewhere to send to; None otherwise.

    Demo and evaluation homes contact no one from the service.
    """
    settings = keepwell.settings
    mail = _usable_mail_server(keepwell, failed)
    if (settings.webhook.url is None and mail is None) or keepwell.kind != "production":
        return None
    endpoint = None if settings.webhook.url is None else endpoint_of(keepwell)
    courier = Courier(keepwell, endpoint, clock=clock, failed=failed, mail=mail)
    courier.start()
    return courier


def _usable_mail_server(keepwell: Keepwell, failed: Failed) -> MailServer | None:
    """Give the mail server; one that cannot be used is told of, and holds nothing else up."""
    try:
        mail = mail_server_of(keepwell)
        if mail is not None:
            check_server(mail, home_kind=keepwell.kind)
    except ConfigurationError as error:
        log.error("sending failed", code=error.code, message=error.message)
        failed("sending")
        return None
    return mail


def endpoint_of(keepwell: Keepwell) -> Endpoint:
    """Give where this home's messages go; raises `ConfigurationError` when it is not set."""
    webhook = keepwell.settings.webhook
    if webhook.url is None:
        raise ConfigurationError(
            ["url of [webhook] is not set"],
            source=keepwell.home.settings_file.name,
            hint="say where messages go: docs/webhooks.md",
        )
    return Endpoint(
        webhook.url,
        keepwell.keys.webhook,
        webhook.timeout_seconds,
        Reach.stated(webhook.allow_private),
    )


def mail_server_of(keepwell: Keepwell) -> MailServer | None:
    """Give the mail server e-mails go by; None where none is set.

    Raises `ConfigurationError` for a sender or an address for answers that is none.
    """
    email = keepwell.settings.email
    if email.host is None or email.sender is None:
        return None
    try:
        sender = Sender(
            address=parse_address(email.sender),
            name=email.sender_name or "",
            reply_to=None if email.reply_to is None else parse_address(email.reply_to),
            language=email.language,
        )
    except InvalidInput as error:
        raise ConfigurationError(
            [f"sender or reply_to: {error.message}"],
            source=f"[email] of {keepwell.home.settings_file.name}",
            hint="see docs/email.md",
        ) from None
    ca_certificate = email.ca_certificate
    return MailServer(
        host=email.host,
        port=email.port,
        security=email.security,
        sender=sender,
        username=email.username,
        password=email.password(),
        ca_certificate=None if ca_certificate is None else keepwell.home.root / ca_certificate,
    )


class Keeper(threading.Thread):
    """Looks every minute whether live events should be copied, and models be looked at."""

    def __init__(
        self,
        keepwell: Keepwell,
        *,
        clock: Callable[[], datetime],
        failed: Failed = lambda _: None,
    ) -> None:
        super().__init__(name="keeper", daemon=True)
        self._failed = failed
        spread = FIRST_LOOK_SPREAD * random.random()  # noqa: S311 - spreads work, guards nothing
        wait = timedelta(minutes=keepwell.settings.service.first_look_minutes)
        self._first_look = clock() + wait + spread
        self._keepwell = keepwell
        self._clock = clock
        self._stopped = threading.Event()
        self._looking: subprocess.Popen[bytes] | None = None
        self._looked_at: datetime | None = None
        self._watched_at: datetime | None = None

    def run(self) -> None:
        """Look until stopped; another worker that is at it already is left alone."""
        try:
            begin_telling(self._keepwell)
        except Exception as error:  # noqa: BLE001 - the first look begins it then
            log.error("telling changes failed", kind=type(error).__name__)
            self._failed("telling changes")
        while not self._stopped.wait(KEEPER_PAUSE_SECONDS):
            try:
                tidy_if_due(self._keepwell, now=self._clock())
            except KeepwellError as error:
                log.error("compacting failed", code=error.code, message=error.message)
                self._failed("compacting")
            except Exception as error:  # noqa: BLE001 - the next minute may be better
                log.error("compacting failed", kind=type(error).__name__)
                self._failed("compacting")
            try:
                apply_if_due(self._keepwell, now=self._clock())
            except Exception as error:  # noqa: BLE001 - the next minute may be better
                log.error("retention failed", kind=type(error).__name__)
                self._failed("retention")
            try:
                tell_changes(self._keepwell, now=self._clock())
            except Exception as error:  # noqa: BLE001 - the next minute may be better
                log.error("telling changes failed", kind=type(error).__name__)
                self._failed("telling changes")
            try:
                self.look_at_models()
            except Exception as error:  # noqa: BLE001 - the next minute may be better
                log.error("monitoring failed", kind=type(error).__name__)
                self._failed("monitoring")

    def look_at_models(self) -> None:
        """Have another process look at models, experiments and figures, at most once an hour.

        Not in the first minutes of a service, in which it has enough to do.
        """
        now = self._clock()
        if now < self._first_look:
            return
        if self._looking is not None and self._looking.poll() is None:
            return
        if self._looked_at is not None and now - self._looked_at < timedelta(hours=1):
            return
        daily = self._watched_at is None or now - self._watched_at >= timedelta(days=1)
        if due_targets(self._keepwell, now=now) or (daily and (self._tries() or self._stale(now))):
            self._looked_at = self._watched_at = now
            command = [sys.executable, "-m", "serving.daily_look", str(self._keepwell.home.root)]
            self._looking = subprocess.Popen(command)  # noqa: S603 - our own interpreter and module

    def _tries(self) -> bool:
        with self._keepwell.database.read() as conn:
            return any_running(conn)

    def _stale(self, now: datetime) -> bool:
        """Whether the dashboard's figures are a day old, and there is something to take them of."""
        with self._keepwell.database.read() as conn:
            return is_due(conn, now=now) and observed_until(conn) is not None

    def stop(self) -> None:
        """End before the next look; what is under way ends with the process, and loses nothing."""
        self._stopped.set()
        self.join(timeout=5)
        if self._looking is not None and self._looking.poll() is None:
            self._looking.terminate()
            self._looking.wait(timeout=5)


def tidy_if_due(keepwell: Keepwell, *, now: datetime) -> bool:
    """Copy live events when there are many or the oldest is a day old; tells whether it did."""
    with keepwell.database.read() as conn:
        tail = waiting(conn)
    old = tail.since is not None and tail.since <= now - timedelta(days=1)
    if not old and tail.events < MANY_EVENTS:
        return False
    return tidy(keepwell.database, keepwell.store, now=now, wait=False) is not None
