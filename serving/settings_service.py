"""Settings of what runs: where messages go, what a request may carry, where Spark is."""

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


_ALWAYS = ("intervention.requested", "intervention.cancelled", "score.withdrawn")
_USUALLY = (*_ALWAYS, "consent.changed", "step_up.requested")
_EVENTS = (*_USUALLY, "score.changed")


class WebhookSettings(_Record):
    """Where signed messages go, and which; the signing secret lies among the home's keys."""

    url: str | None = Field(
        default=None, pattern=r"^https?://", description="where signed messages go"
    )
    timeout_seconds: float = Field(
        default=10.0, gt=0, le=60, description="how long the receiver may take to answer"
    )
    events: tuple[str, ...] = Field(default=_USUALLY, description="types of messages that are sent")
    allow_private: bool | tuple[IPv4Network | IPv6Network, ...] = Field(
        default=False,
        description="whether messages may go to this machine and private networks; or which of "
        'them, as ["10.1.0.0/16"]',
    )
    score_change: float = Field(
        default=0.1,
        gt=0,
        le=1,
        description="score.changed is sent when a probability moved by so much since it was told",
    )

    @field_validator("events", mode="before")
    @classmethod
    def _from_text(cls, stated: Any) -> Any:
        return [each.strip() for each in stated.split(",")] if isinstance(stated, str) else stated

    @field_validator("events")
    @classmethod
    def _known_events(cls, events: tuple[str, ...]) -> tuple[str, ...]:
        unknown = sorted(set(events) - set(_EVENTS))
        if unknown:
            raise ValueError(f"no such event; there is {', '.join(_EVENTS)}")
        missing = [each for each in _ALWAYS if each not in events]
        if missing:
            raise ValueError(
                f"{', '.join(missing)} must be among them: they ask for a contact, or stop one, or "
                "take a score back"
            )
        return events

    @field_validator("allow_private", mode="before")
    @classmethod
    def _networks_from_text(cls, stated: Any) -> Any:
        if isinstance(stated, str) and ("." in stated or ":" in stated):
            return [each.strip() for each in stated.split(",")]
        return stated

    def sends(self, event: str) -> bool:
        """Whether messages of this type go anywhere."""
        return self.url is not None and event in self.events


class LimitSettings(_Record):
    """What one request may carry, how many are worked on at a time, and how often they come.

    All of it is counted by each worker process for itself.
    """

    body_bytes: int = Field(
        default=1_000_000, ge=1_000, le=16_000_000, description="the largest body of a request"
    )
    depth: int = Field(default=32, ge=8, le=100, description="how deep a body may be nested")
    values: int = Field(
        default=100_000, ge=1_000, le=5_000_000, description="how many values a body may hold"
    )
    concurrency: int = Field(
        default=64, ge=1, description="how many requests are worked on at a time"
    )
    requests_per_second: float = Field(
        default=0.0, ge=0, description="how often one key may call, on average; 0: as it likes"
    )
    burst: int = Field(
        default=100, ge=1, description="how often it may call at once, where the former is set"
    )
    failed_keys_per_minute: int = Field(
        default=60,
        ge=0,
        description="how many wrong keys, or links that lead nowhere, one address may send; 0: any",
    )


class SparkSettings(_Record):
    """Where `--engine spark` runs; `conf` holds Spark's own settings."""

    master: str = Field(default="local[2]", description="where Spark runs")
    conf: Mapping[str, str] = Field(default_factory=dict, description="Spark's own settings")


class ServiceSettings(_Record):
    """How the service runs: its access log, how it stops, when it looks after its models."""

    access_log: bool = Field(
        default=True, description="whether each request leaves one line on standard error"
    )
    drain_seconds: float = Field(
        default=20.0,
        ge=0,
        le=600,
        description="how long requests under way may take when the service is told to stop",
    )
    drain_notice_seconds: float = Field(
        default=0.0,
        ge=0,
        le=60,
        description="how long it goes on accepting after saying that it is not ready, so that what "
        "stands before it notices",
    )
    keep_alive_seconds: int = Field(
        default=75,
        ge=1,
        le=3600,
        description="how long an idle connection is kept; more than the proxy before it keeps one",
    )
    first_look_minutes: float = Field(
        default=10.0,
        ge=0,
        le=1440,
        description="how long after its start the service looks at its models at the earliest",
    )
