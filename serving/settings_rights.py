"""What a home decides about people's rights and how long it keeps things; part of its settings."""

from pydantic import BaseModel, ConfigDict, Field


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RightsSettings(_Record):
    """How long people wait who contest a decision."""

    review_days: int = Field(default=30, ge=1, le=90)


class RetentionSettings(_Record):
    """For how many days things are kept; none given: for good. See docs/rights.md.

    `keepwell retention apply` enforces it, the service daily where it is `automatic`.
    """

    automatic: bool = False
    events_days: int | None = Field(default=None, ge=30)
    texts_days: int | None = Field(default=None, ge=1)
    decisions_days: int | None = Field(default=1095, ge=30)
    contacts_days: int | None = Field(default=1095, ge=30)
    consent_history_days: int | None = Field(default=3650, ge=365)
    outbox_days: int | None = Field(default=90, ge=1)
    bundles_days: int | None = Field(default=365, ge=1)
    reports_days: int | None = Field(default=365, ge=1)
    rejects_days: int | None = Field(default=30, ge=1)
    suppression_days: int = Field(default=1095, ge=30)
