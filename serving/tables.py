"""The tables this floor owns: what home this is, who may call it, how its models are doing."""

from sqlalchemy import JSON, BigInteger, Column, Integer, MetaData, String, Table, Text

from governance.instants import UtcInstant

metadata = MetaData()

home = Table(
    "home",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # always 1: one row
    Column("kind", String(16), nullable=False),
    Column("created_at", UtcInstant, nullable=False),
    Column("journal_position", BigInteger, nullable=False),  # up to where the journal is known here
    Column("enrolment_key", Text),  # public half, hex: what vouches for reviewers' keys
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("key_id", String(16), primary_key=True),
    Column("secret_hash", String(64), nullable=False),  # sha256, hex; the secret is never stored
    Column("owner", String(200), nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("created_at", UtcInstant, nullable=False),
    Column("expires_at", UtcInstant),
    Column("revoked_at", UtcInstant),
    Column("last_used_at", UtcInstant),
)

model_monitoring = Table(
    "model_monitoring",
    metadata,
    Column("target", String(200), primary_key=True),
    Column("model_digest", String(64), primary_key=True),
    Column("monitored_at", UtcInstant, primary_key=True),
    Column("status", String(16), nullable=False),
    Column("result", Text, nullable=False),  # figures over people as JSON, none about anyone
)
