"""The first tables of every floor."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "consent_events",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("mechanism", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("explicit", sa.Boolean(), nullable=False),
        sa.Column("notice_id", sa.Text(), nullable=True),
        sa.Column("notice_version", sa.Integer(), nullable=True),
        sa.Column("notice_hash", sa.Text(), nullable=True),
        sa.Column("notice_locale", sa.Text(), nullable=True),
        sa.Column("guardian_evidence", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("event_id"),
    )
    op.create_index(
        "consent_events_by_customer",
        "consent_events",
        ["customer_id", "purpose", "occurred_at"],
        unique=False,
    )
    op.create_index(
        "consent_events_by_purpose", "consent_events", ["purpose", "customer_id"], unique=False
    )
    op.create_table(
        "consent_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "consent_subjects",
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("adult_from", sa.BigInteger(), nullable=True),
        sa.Column("relation", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("customer_id"),
    )
    op.create_table(
        "decisions",
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=True),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("as_of", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("model_digest", sa.Text(), nullable=True),
        sa.Column("target", sa.Text(), nullable=True),
        sa.Column("event_digest", sa.Text(), nullable=True),
        sa.Column("feature_digest", sa.Text(), nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("result_digest", sa.Text(), nullable=True),
        sa.Column("salt", sa.Text(), nullable=False),
        sa.Column("ledger_seq", sa.BigInteger(), nullable=False),
        sa.Column("leaf", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("decision_id"),
    )
    op.create_index("decisions_by_entry", "decisions", ["ledger_seq", "position"], unique=False)
    op.create_index("decisions_by_person", "decisions", ["person_id", "purpose"], unique=False)
    op.create_index("decisions_by_time", "decisions", ["recorded_at"], unique=False)
    op.create_table(
        "ledger_entries",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("prev_hash", sa.Text(), nullable=False),
        sa.Column("entry_hash", sa.Text(), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_table(
        "ledger_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("link", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "models",
        sa.Column("model_digest", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("horizon_days", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("home_kind", sa.Text(), nullable=False),
        sa.Column("mlflow_run_id", sa.Text(), nullable=True),
        sa.Column("bundle", sa.Text(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("gate_outcome", sa.Text(), nullable=False),
        sa.Column("gate_reasons", sa.Text(), nullable=False),
        sa.Column("report_html", sa.Text(), nullable=True),
        sa.Column("report_json", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("model_digest"),
    )
    op.create_index("models_by_target", "models", ["target", "created_at"], unique=False)
    op.create_table(
        "notice_purposes",
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("notice_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("material", sa.Boolean(), nullable=False),
        sa.Column("published_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("purpose", "notice_id", "version"),
    )
    op.create_table(
        "notices",
        sa.Column("notice_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("locale", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("published_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("notice_id", "version", "locale"),
    )
    op.create_table(
        "persons",
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("customer_id"),
        sa.UniqueConstraint("person_id"),
    )
    op.create_table(
        "reviews",
        sa.Column("review_id", sa.Text(), nullable=False),
        sa.Column("model_digest", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("reviewer", sa.Text(), nullable=False),
        sa.Column("signed_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.Column("self_signed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("review_id"),
    )
    op.create_index("reviews_by_model", "reviews", ["model_digest", "signed_at"], unique=False)
    op.create_index("reviews_by_target", "reviews", ["target", "signed_at"], unique=False)
    op.create_table(
        "signing_keys",
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("public_key", sa.Text(), nullable=False),
        sa.Column("enrolled_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("key_id"),
    )
    op.create_table(
        "suppressions",
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("suppressed_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("token"),
    )
    op.create_table(
        "customers",
        sa.Column("customer_id", sa.String(length=200), nullable=False),
        sa.Column("subject", sa.String(length=20), nullable=False),
        sa.Column("first_known_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "subject"),
    )
    op.create_table(
        "given_labels",
        sa.Column("customer_id", sa.String(length=200), nullable=False),
        sa.Column("target", sa.String(length=100), nullable=False),
        sa.Column("as_of", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "target", "as_of"),
    )
    op.create_table(
        "history_chunks",
        sa.Column("customer_id", sa.String(length=200), nullable=False),
        sa.Column("subject", sa.String(length=20), nullable=False),
        sa.Column("segment_id", sa.String(length=40), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "subject", "segment_id"),
    )
    op.create_table(
        "history_retired",
        sa.Column("path", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("path"),
    )
    op.create_table(
        "history_segments",
        sa.Column("segment_id", sa.String(length=40), nullable=False),
        sa.Column("path", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("source_hash", sa.String(length=64), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("first_occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("last_occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("first_known_at", sa.BigInteger(), nullable=False),
        sa.Column("last_known_at", sa.BigInteger(), nullable=False),
        sa.Column("versions", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("segment_id"),
    )
    op.create_table(
        "live_events",
        sa.Column("customer_id", sa.String(length=200), nullable=False),
        sa.Column("subject", sa.String(length=20), nullable=False),
        sa.Column("kind", sa.String(length=200), nullable=False),
        sa.Column("event_name", sa.String(length=200), nullable=False),
        sa.Column("event_id", sa.String(length=200), nullable=True),
        sa.Column("occurrence", sa.Integer(), nullable=False),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("known_at", sa.BigInteger(), nullable=False),
        sa.Column("value_micros", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.String(length=200), nullable=True),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("properties", sa.Text(), nullable=True),
        sa.Column("corrects", sa.String(length=200), nullable=True),
        sa.Column("retracts", sa.String(length=200), nullable=True),
        sa.Column("digest", sa.LargeBinary(length=16), nullable=False),
        sa.Column("segment_id", sa.String(length=40), nullable=True),
        sa.PrimaryKeyConstraint("customer_id", "subject", "kind", "event_name"),
    )
    op.create_index(
        "live_events_to_compact", "live_events", ["segment_id", "known_at"], unique=False
    )
    op.create_table(
        "protected_attributes",
        sa.Column("customer_id", sa.String(length=200), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("value", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "name"),
    )
    op.create_table(
        "sources",
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("first_imported_at", sa.BigInteger(), nullable=False),
        sa.Column("last_imported_at", sa.BigInteger(), nullable=False),
        sa.Column("snapshot", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("source"),
    )
    op.create_table(
        "api_keys",
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("owner", sa.String(length=200), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.Column("last_used_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("key_id"),
    )
    op.create_table(
        "home",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("journal_position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "interventions",
        sa.Column("intervention_id", sa.String(length=36), nullable=False),
        sa.Column("customer_id", sa.String(length=200), nullable=False),
        sa.Column("playbook", sa.String(length=80), nullable=False),
        sa.Column("playbook_class", sa.String(length=16), nullable=False),
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.Column("arm", sa.String(length=16), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=80), nullable=False),
        sa.Column("experiment", sa.String(length=160), nullable=False),
        sa.Column("stratum", sa.String(length=40), nullable=False),
        sa.Column("target", sa.String(length=80), nullable=True),
        sa.Column("probability", sa.Float(), nullable=True),
        sa.Column("model_digest", sa.String(length=64), nullable=True),
        sa.Column("score_decision_id", sa.String(length=36), nullable=True),
        sa.Column("decision_id", sa.String(length=36), nullable=False),
        sa.Column("permissions", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("cost", sa.Float(), nullable=False),
        sa.Column("needs_person", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("valid_until", sa.BigInteger(), nullable=False),
        sa.Column("holdout_until", sa.BigInteger(), nullable=True),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.Column("decided_by", sa.String(length=200), nullable=True),
        sa.Column("decided_reason", sa.Text(), nullable=True),
        sa.Column("sent_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("intervention_id"),
    )
    op.create_index(
        "interventions_by_customer", "interventions", ["customer_id", "created_at"], unique=False
    )
    op.create_index(
        "interventions_by_experiment", "interventions", ["experiment", "customer_id"], unique=False
    )
    op.create_index(
        "interventions_by_time", "interventions", ["created_at", "intervention_id"], unique=False
    )
    op.create_table(
        "outbox",
        sa.Column("message_id", sa.String(length=36), nullable=False),
        sa.Column("intervention_id", sa.String(length=36), nullable=True),
        sa.Column("customer_id", sa.String(length=200), nullable=True),
        sa.Column("type", sa.String(length=60), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=80), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("leased_until", sa.BigInteger(), nullable=True),
        sa.Column("on_wire_at", sa.BigInteger(), nullable=True),
        sa.Column("stop_asked_at", sa.BigInteger(), nullable=True),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("last_status", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("message_id"),
    )
    op.create_index("outbox_by_customer", "outbox", ["customer_id"], unique=False)
    op.create_index("outbox_by_intervention", "outbox", ["intervention_id"], unique=False)
    op.create_index("outbox_due", "outbox", ["status", "due_at"], unique=False)
    op.create_table(
        "webhook_endpoints",
        sa.Column("url", sa.String(length=500), nullable=False),
        sa.Column("disabled_at", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=80), nullable=False),
        sa.PrimaryKeyConstraint("url"),
    )


def downgrade() -> None:
    op.drop_table("webhook_endpoints")
    op.drop_index("outbox_due", table_name="outbox")
    op.drop_index("outbox_by_intervention", table_name="outbox")
    op.drop_index("outbox_by_customer", table_name="outbox")
    op.drop_table("outbox")
    op.drop_index("interventions_by_time", table_name="interventions")
    op.drop_index("interventions_by_experiment", table_name="interventions")
    op.drop_index("interventions_by_customer", table_name="interventions")
    op.drop_table("interventions")
    op.drop_table("home")
    op.drop_table("api_keys")
    op.drop_table("sources")
    op.drop_table("protected_attributes")
    op.drop_index("live_events_to_compact", table_name="live_events")
    op.drop_table("live_events")
    op.drop_table("history_segments")
    op.drop_table("history_retired")
    op.drop_table("history_chunks")
    op.drop_table("given_labels")
    op.drop_table("customers")
    op.drop_table("suppressions")
    op.drop_table("signing_keys")
    op.drop_index("reviews_by_target", table_name="reviews")
    op.drop_index("reviews_by_model", table_name="reviews")
    op.drop_table("reviews")
    op.drop_table("persons")
    op.drop_table("notices")
    op.drop_table("notice_purposes")
    op.drop_index("models_by_target", table_name="models")
    op.drop_table("models")
    op.drop_table("ledger_head")
    op.drop_table("ledger_entries")
    op.drop_index("decisions_by_time", table_name="decisions")
    op.drop_index("decisions_by_person", table_name="decisions")
    op.drop_index("decisions_by_entry", table_name="decisions")
    op.drop_table("decisions")
    op.drop_table("consent_subjects")
    op.drop_table("consent_head")
    op.drop_index("consent_events_by_purpose", table_name="consent_events")
    op.drop_index("consent_events_by_customer", table_name="consent_events")
    op.drop_table("consent_events")
