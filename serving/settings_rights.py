"""What a home decides about people's rights and how long it keeps things; part of its settings."""

from pydantic import BaseModel, ConfigDict, Field


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RightsSettings(_Record):
    """How long people wait who contest a decision."""

    review_days: int = Field(
        default=30, ge=1, le=90, description="how long people wait at most who contest a decision"
    )


class RetentionSettings(_Record):
    """For how many days things are kept; none given: for good. See docs/rights.md.

    `keepwell retention apply` enforces it, the service daily where it is `automatic`.
    """

    automatic: bool = Field(default=False, description="whether the service applies it daily")
    events_days: int | None = Field(default=None, ge=30, description="how many days to keep events")
    texts_days: int | None = Field(
        default=None, ge=1, description="how many days to keep what customers wrote"
    )
    decisions_days: int | None = Field(
        default=1095,
        ge=30,
        description="how many days to keep who a decision was about and what was told",
    )
    contacts_days: int | None = Field(
        default=1095, ge=30, description="how many days to keep contacts that ended"
    )
    consent_history_days: int | None = Field(
        default=3650,
        ge=365,
        description="how many days to keep words on permission that a later word replaced",
    )
    outbox_days: int | None = Field(
        default=90,
        ge=1,
        description="how many days to keep messages that were delivered or stopped",
    )
    bundles_days: int | None = Field(
        default=365, ge=1, description="how many days to keep models that nothing needs any more"
    )
    reports_days: int | None = Field(
        default=365, ge=1, description="how many days to keep reports and dossiers on disk"
    )
    rejects_days: int | None = Field(
        default=30,
        ge=1,
        description="how many days to keep lines of imports that could not be taken",
    )
    suppression_days: int = Field(
        default=1095,
        ge=30,
        description="how many days to keep the token that keeps an erased person erased",
    )
