"""Pages: sessions of staff, the figures of the dashboard, and notes on its trends."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "staff_sessions",
        sa.Column("token_hash", sa.String(64), primary_key=True),
        sa.Column("key_id", sa.String(16), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
    )
    op.create_index("staff_sessions_by_key", "staff_sessions", ["key_id"])
    op.create_table(
        "dashboard_figures",
        sa.Column("name", sa.String(120), primary_key=True),
        sa.Column("layer", sa.String(16), nullable=False),
        sa.Column("taken_at", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
    )
    op.create_table(
        "annotations",
        sa.Column("annotation_id", sa.String(36), primary_key=True),
        sa.Column("happened_at", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("written_by", sa.String(200), nullable=False),
        sa.Column("written_at", sa.BigInteger(), nullable=False),
    )


def downgrade() -> None:
    for name in ("annotations", "dashboard_figures", "staff_sessions"):
        op.drop_table(name)
