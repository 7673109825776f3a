"""Settings of what runs: where messages go, what a request may carry, where Spark is."""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class WebhookSettings(_Record):
    """Where signed messages go; the signing secret lies among the home's keys."""

    url: str | None = Field(default=None, pattern=r"^https?://")
    timeout_seconds: float = Field(default=10.0, gt=0, le=60)


class LimitSettings(_Record):
    """What one request may carry, and how many are worked on at a time."""

    body_bytes: int = Field(default=1_000_000, ge=1_000, le=16_000_000)
    concurrency: int = Field(default=64, ge=1)


class SparkSettings(_Record):
    """Where `--engine spark` runs; `conf` holds Spark's own settings."""

    master: str = "local[2]"
    conf: Mapping[str, str] = Field(default_factory=dict)
