"""Settings of acting: how often, when and by what means customers are contacted."""

from pydantic import BaseModel, ConfigDict, Field


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
        description="when the quiet hours begin, in the home's zone",
    )
    quiet_until: str = Field(
        default="08:00", pattern=r"^([01]\d|2[0-3]):[0-5]\d$", description="when they end"
    )
    max_per_week: int = Field(
        default=1, ge=0, description="how often one customer may be contacted in 7 days"
    )
    budget: float = Field(default=1000.0, ge=0, description="what all contacts of one run may cost")


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
    username: str | None = Field(default=None, description="who sends, where the server asks")
    password_env: str = Field(
        default="KEEPWELL_EMAIL_PASSWORD",
        description="the environment variable that holds the password",
    )
    sender: str | None = Field(default=None, description="the address e-mails come from")
    sender_name: str | None = Field(default=None, description="the name beside it")
    reply_to: str | None = Field(default=None, description="where answers go, to a person")
