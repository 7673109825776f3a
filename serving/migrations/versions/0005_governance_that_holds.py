"""Governance: who enrolled a signing key, what a review asks for and was about."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("signing_keys", sa.Column("enrolled_by", sa.Text()))
    op.add_column("signing_keys", sa.Column("voucher", sa.Text()))
    op.add_column("signing_keys", sa.Column("expires_at", sa.BigInteger()))
    op.add_column("models", sa.Column("submitted_by", sa.Text(), nullable=False, server_default=""))
    op.add_column(
        "reviews", sa.Column("conditions", sa.Text(), nullable=False, server_default="[]")
    )
    op.add_column("reviews", sa.Column("report_digest", sa.Text()))
    op.drop_column("models", "report_html")  # a report is drawn when it is read
    op.add_column("notice_purposes", sa.Column("valid_for_days", sa.Integer()))
    op.add_column("decisions", sa.Column("retired_at", sa.BigInteger()))
    op.add_column(
        "consent_subjects", sa.Column("salt", sa.Text(), nullable=False, server_default="")
    )
    op.add_column("home", sa.Column("journal_seal", sa.String(64)))
    op.create_table(
        "training_people",
        sa.Column("model_digest", sa.Text(), primary_key=True),
        sa.Column("dataset_digest", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("persons", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "review_requests",
        sa.Column("request_id", sa.String(36), primary_key=True),
        sa.Column("person_id", sa.String(60), nullable=False),
        sa.Column("decision_id", sa.String(36)),
        sa.Column("appeal_of", sa.String(36)),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("decided_by", sa.String(200)),
        sa.Column("decided_key", sa.String(16)),
        sa.Column("decided_at", sa.BigInteger()),
    )
    op.create_index("review_requests_by_person", "review_requests", ["person_id"])
    op.create_index("review_requests_by_decision", "review_requests", ["decision_id"])
    op.create_index("review_requests_by_time", "review_requests", ["received_at", "request_id"])
    op.create_table(
        "complaints",
        sa.Column("complaint_id", sa.String(36), primary_key=True),
        sa.Column("person_id", sa.String(60), nullable=False),
        sa.Column("category", sa.String(40), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("closed_at", sa.BigInteger()),
        sa.Column("closed_by", sa.String(16)),
    )
    op.create_index("complaints_by_person", "complaints", ["person_id"])
    op.create_table(
        "harms",
        sa.Column("harm_id", sa.String(36), primary_key=True),
        sa.Column("target", sa.String(200), nullable=False),
        sa.Column("noted_at", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
    )
    op.create_table(
        "retention_runs",
        sa.Column("applied_at", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("result", sa.Text(), nullable=False),
    )
    op.create_table(
        "published_figures",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("cell", sa.String(32), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("trace", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("given_at", sa.BigInteger(), nullable=False),
    )


def downgrade() -> None:
    op.add_column("models", sa.Column("report_html", sa.Text()))
    op.drop_table("published_figures")
    for name in ("retention_runs", "harms", "complaints", "review_requests", "training_people"):
        op.drop_table(name)
    op.drop_column("home", "journal_seal")
    op.drop_column("consent_subjects", "salt")
    op.drop_column("decisions", "retired_at")
    for table, column in (
        ("notice_purposes", "valid_for_days"),
        ("reviews", "report_digest"),
        ("reviews", "conditions"),
        ("models", "submitted_by"),
        ("signing_keys", "expires_at"),
        ("signing_keys", "voucher"),
        ("signing_keys", "enrolled_by"),
    ):
        op.drop_column(table, column)
