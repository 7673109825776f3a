"""The tables this floor owns: what kind of home this is, and who may call it."""

from sqlalchemy import JSON, BigInteger, Column, Integer, MetaData, String, Table

from governance.instants import UtcInstant

metadata = MetaData()

home = Table(
    "home",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # always 1: one row
    Column("kind", String(16), nullable=False),
    Column("created_at", UtcInstant, nullable=False),
    Column("journal_position", BigInteger, nullable=False),  # up to where the journal is known here
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
