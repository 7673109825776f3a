"""Governance: who enrolled a signing key, what a review asks for and was about."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("home", sa.Column("enrolment_key", sa.Text()))
    op.add_column("signing_keys", sa.Column("enrolled_by", sa.Text()))
    op.add_column("signing_keys", sa.Column("voucher", sa.Text()))
    op.add_column("models", sa.Column("submitted_by", sa.Text(), nullable=False, server_default=""))
    op.add_column(
        "reviews", sa.Column("conditions", sa.Text(), nullable=False, server_default="[]")
    )
    op.add_column("reviews", sa.Column("report_digest", sa.Text()))


def downgrade() -> None:
    for table, column in (
        ("reviews", "report_digest"),
        ("reviews", "conditions"),
        ("models", "submitted_by"),
        ("signing_keys", "voucher"),
        ("signing_keys", "enrolled_by"),
        ("home", "enrolment_key"),
    ):
        op.drop_column(table, column)
