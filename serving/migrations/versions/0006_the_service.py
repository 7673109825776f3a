"""The scoring service: what operations, integrations and safety need to remember."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("api_keys", sa.Column("successor_id", sa.String(16)))
    op.create_table(
        "kept_answers",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("claim", sa.String(32), nullable=False),
        sa.Column("request", sa.String(64), nullable=False),
        sa.Column("customer_id", sa.String(200)),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("status", sa.Integer()),
        sa.Column("body", sa.Text()),
        sa.Column("claimed_until", sa.BigInteger(), nullable=False),
        sa.Column("kept_until", sa.BigInteger(), nullable=False),
    )
    op.create_index("kept_answers_by_customer", "kept_answers", ["customer_id"])
    op.create_index("kept_answers_by_time", "kept_answers", ["kept_until"])
    op.create_table(
        "decision_batches",
        sa.Column("batch", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("touched_at", sa.BigInteger(), nullable=False),
        sa.Column("ledger_seq", sa.BigInteger()),
    )
    op.create_table(
        "told_scores",
        sa.Column("person_id", sa.String(60), primary_key=True),
        sa.Column("target", sa.String(200), primary_key=True),
        sa.Column("decision_id", sa.String(36), nullable=False),
        sa.Column("told_at", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "score_news",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("ledger_seq", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
    )
    op.create_table(
        "dropped_events",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("content", sa.String(64), nullable=False),
        sa.Column("token", sa.String(64), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("dropped_events")
    op.drop_table("score_news")
    op.drop_table("told_scores")
    op.drop_table("decision_batches")
    op.drop_table("kept_answers")
    op.drop_column("api_keys", "successor_id")
