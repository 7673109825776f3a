"""Two ids that are one person, and the people of an account, each with when it was known."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "identity_links",
        sa.Column("other_id", sa.String(length=200), nullable=False),
        sa.Column("linked_at", sa.BigInteger(), nullable=False),
        sa.Column("keep_id", sa.String(length=200), nullable=False),
        sa.Column("unlinked_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("other_id", "linked_at"),
    )
    op.create_index("identity_links_by_keep", "identity_links", ["keep_id"], unique=False)
    op.create_table(
        "account_members",
        sa.Column("customer_id", sa.String(length=200), nullable=False),
        sa.Column("account_id", sa.String(length=200), nullable=False),
        sa.Column("joined_at", sa.BigInteger(), nullable=False),
        sa.Column("known_at", sa.BigInteger(), nullable=False),
        sa.Column("left_at", sa.BigInteger(), nullable=True),
        sa.Column("left_known_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("customer_id", "account_id", "joined_at"),
    )
    op.create_index("account_members_by_account", "account_members", ["account_id"], unique=False)


def downgrade() -> None:
    op.drop_index("account_members_by_account", table_name="account_members")
    op.drop_table("account_members")
    op.drop_index("identity_links_by_keep", table_name="identity_links")
    op.drop_table("identity_links")
