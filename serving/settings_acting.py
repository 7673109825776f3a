"""Settings of acting: how often, when and by what means customers are contacted."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ContactSettings(_Record):
    """How often and when a customer may be contacted, and what all contacts together may cost."""

    max_per_30_days: int = Field(
        default=2, ge=0, description="how often one customer may be contacted in 30 days"
    )
    quiet_from: str = Field(
        default="20:00",
        pattern=r"^([01]\d|2[0-3]):[0-5]\d$",
        description="when the quiet hours begin, where the customer lives",
    )
    quiet_until: str = Field(
        default="08:00", pattern=r"^([01]\d|2[0-3]):[0-5]\d$", description="when they end"
    )
    max_per_week: int = Field(
        default=1, ge=0, description="how often one customer may be contacted in 7 days"
    )
    budget: float = Field(default=1000.0, ge=0, description="what all contacts of one run may cost")
    budget_per_30_days: float | None = Field(
        default=None, ge=0, description="what all contacts of 30 days may cost together"
    )
    capacity: Mapping[str, Annotated[int, Field(ge=0)]] = Field(
        default_factory=dict,
        description="how many contacts of one run a channel carries, such as phone = 40",
    )
    exploration_share: float = Field(
        default=0.1,
        ge=0,
        le=0.5,
        description="the share of a run's budget for people drawn at random, where the choice is "
        "made by a shown effect",
    )
    min_impact_ratio: float = Field(
        default=0.8,
        gt=0,
        le=1,
        description="how often a group is contacted beside the group contacted most, at least; "
        "below it a person decides",
    )


class EmailSettings(_Record):
    """The company's own mail server, for playbooks whose e-mails Keepwell sends itself.

    Without a `host` every contact is asked for by webhook. The password is read from the
    environment variable that `password_env` names and is kept nowhere.
    """

    host: str | None = Field(default=None, description="the mail server that takes e-mails")
    port: int = Field(default=587, ge=1, le=65535, description="the port it listens on")
    security: str = Field(
        default="starttls", pattern="^(starttls|tls|none)$", description="how the way is sealed"
    )
    ca_certificate: Path | None = Field(
        default=None, description="the authority that signed its certificate, where it is private"
    )
    username: str | None = Field(default=None, description="who sends, where the server asks")
    password_env: str = Field(
        default="KEEPWELL_EMAIL_PASSWORD",
        description="the environment variable that holds the password",
    )
    sender: str | None = Field(default=None, description="the address e-mails come from")
    sender_name: str | None = Field(default=None, description="the name beside it")
    reply_to: str | None = Field(default=None, description="where answers go, to a person")
    language: str = Field(
        default="en",
        pattern="^(en|de)$",
        description="the words around a message, where a customer's language is not known",
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.host is not None and self.sender is None:
            raise ValueError("host is set and sender is not: say which address e-mails come from")
        return self

    def password(self, environment: Mapping[str, str] = os.environ) -> str | None:
        """Read the password from the environment; None where there is none."""
        return environment.get(self.password_env) or None
