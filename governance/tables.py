"""The ground's own tables. Instants are whole microseconds; digests and signatures are hex."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

from governance.instants import UtcInstant

metadata = MetaData()

consent_head = Table(
    "consent_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
)
"""One row: the last number given out. Writers lock it, so numbers follow the order of commits."""

consent_events = Table(
    "consent_events",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("event_id", Text, nullable=False, unique=True),
    Column("customer_id", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("occurred_at", UtcInstant, nullable=False),
    Column("recorded_at", UtcInstant, nullable=False),
    Column("expires_at", UtcInstant),
    Column("actor", Text, nullable=False),
    Column("mechanism", Text, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("explicit", Boolean, nullable=False),
    Column("notice_id", Text),
    Column("notice_version", Integer),
    Column("notice_hash", Text),
    Column("notice_locale", Text),
    Column("guardian_evidence", Text),
    Index("consent_events_by_customer", "customer_id", "purpose", "occurred_at"),
    Index("consent_events_by_purpose", "purpose", "customer_id"),
)
"""Append-only: what each person said, when and how.

Only erasure deletes rows, and retention those that a later word has long replaced.
"""

consent_subjects = Table(
    "consent_subjects",
    metadata,
    Column("customer_id", Text, primary_key=True),
    Column("adult_from", UtcInstant),
    Column("relation", Text, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("salt", Text, nullable=False, server_default=""),
)
"""What permission depends on besides consent: coming of age, and being staff.

`salt` keeps the log's digest of the row from being guessed once the row is gone.
"""

notices = Table(
    "notices",
    metadata,
    Column("notice_id", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("locale", Text, primary_key=True),
    Column("content", Text, nullable=False),
    Column("content_hash", Text, nullable=False),
    Column("published_at", UtcInstant, nullable=False),
)
"""The words people were shown; one family (`notice_id`) in versions and languages."""

notice_purposes = Table(
    "notice_purposes",
    metadata,
    Column("purpose", Text, primary_key=True),
    Column("notice_id", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("material", Boolean, nullable=False),
    Column("published_at", UtcInstant, nullable=False),
    Column("valid_for_days", Integer),
)
"""Which purposes a notice version is about, whether it changed them materially, and for how long a
yes given under it holds."""

suppressions = Table(
    "suppressions",
    metadata,
    Column("token", Text, primary_key=True),
    Column("suppressed_at", UtcInstant, nullable=False),
    Column("expires_at", UtcInstant, nullable=False),
    Column("sequence", BigInteger, nullable=False),
)
"""Keyed tokens of erased people, so that a re-import does not revive them."""

persons = Table(
    "persons",
    metadata,
    Column("customer_id", Text, primary_key=True),
    Column("person_id", Text, nullable=False, unique=True),
)
"""The only way from a customer to the random id the log uses; erasure destroys the row."""

ledger_head = Table(
    "ledger_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    Column("link", Text, nullable=False),
)
"""One row, locked by every append, so that several workers and hosts never fork the chain."""

ledger_entries = Table(
    "ledger_entries",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("recorded_at", UtcInstant, nullable=False),
    Column("kind", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("prev_hash", Text, nullable=False),
    Column("entry_hash", Text, nullable=False),
    Column("signature", Text, nullable=False),
)
"""Append-only and chained; no personal data."""

decisions = Table(
    "decisions",
    metadata,
    Column("decision_id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("person_id", Text),
    Column("purpose", Text, nullable=False),
    Column("recorded_at", UtcInstant, nullable=False),
    Column("as_of", UtcInstant),
    Column("outcome", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("model_digest", Text),
    Column("target", Text),
    Column("event_digest", Text),
    Column("feature_digest", Text),
    Column("result", Text),
    Column("result_digest", Text),
    Column("salt", Text, nullable=False),
    Column("ledger_seq", BigInteger, nullable=False),
    Column("leaf", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Column("retired_at", UtcInstant),
    Index("decisions_by_person", "person_id", "purpose"),
    Index("decisions_by_time", "recorded_at"),
    Index("decisions_by_entry", "ledger_seq", "position"),
)
"""Every verdict; `leaf` is the salted commitment that the ledger holds.

Of a verdict past its retention (`retired_at`) the commitment stays and what kind it was.
"""

decision_batches = Table(
    "decision_batches",
    metadata,
    Column("batch", BigInteger, primary_key=True, autoincrement=False),
    Column("touched_at", UtcInstant, nullable=False),
    Column("ledger_seq", BigInteger),
)
"""What `decisions.ledger_seq` means below 0: the verdicts of a batch, and the entry that commits to
them. Without an entry they were never given, and nobody is shown them."""


training_people = Table(
    "training_people",
    metadata,
    Column("model_digest", Text, primary_key=True),
    Column("dataset_digest", Text, nullable=False),
    Column("recorded_at", UtcInstant, nullable=False),
    Column("people", Integer, nullable=False),
    Column("persons", LargeBinary, nullable=False),
)
"""Whose rows a model learned from: `persons` are their random ids, 16 bytes each, sorted."""

models = Table(
    "models",
    metadata,
    Column("model_digest", Text, primary_key=True),
    Column("target", Text, nullable=False),
    Column("horizon_days", Integer, nullable=False),
    Column("created_at", UtcInstant, nullable=False),
    Column("author", Text, nullable=False),
    Column("home_kind", Text, nullable=False),
    Column("mlflow_run_id", Text),
    Column("bundle", Text, nullable=False),
    Column("facts", Text, nullable=False),
    Column("gate_outcome", Text, nullable=False),
    Column("gate_reasons", Text, nullable=False),
    Column("report_json", Text),
    Column("status", Text, nullable=False),
    Column("submitted_by", Text, nullable=False, server_default=""),
    Index("models_by_target", "target", "created_at"),
)
"""Every model that was submitted for review."""

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("key_id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("public_key", Text, nullable=False),
    Column("enrolled_at", UtcInstant, nullable=False),
    Column("revoked_at", UtcInstant),
    Column("enrolled_by", Text),
    Column("voucher", Text),
    Column("expires_at", UtcInstant),
)
"""Who may sign: the public half of every enrolled `audit:sign` key."""

reviews = Table(
    "reviews",
    metadata,
    Column("review_id", Text, primary_key=True),
    Column("model_digest", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("reviewer", Text, nullable=False),
    Column("signed_at", UtcInstant, nullable=False),
    Column("expires_at", UtcInstant, nullable=False),
    Column("signature", Text, nullable=False),
    Column("self_signed", Boolean, nullable=False),
    Column("conditions", Text, nullable=False, server_default="[]"),
    Column("report_digest", Text),
    Index("reviews_by_model", "model_digest", "signed_at"),
    Index("reviews_by_target", "target", "signed_at"),
)
"""Signed verdicts over model digests; the truth that MLflow's aliases mirror."""

published_figures = Table(
    "published_figures",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("cell", String(32), nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("people", Integer, nullable=False),
    Column("trace", LargeBinary, nullable=False),
    Column("body", Text, nullable=False),
    Column("given_at", UtcInstant, nullable=False),
)
"""Figures over groups that were given: keyed hashes of what people added, and what was shown."""
