"""The scoring service: what operations, integrations and safety need to remember."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("api_keys", sa.Column("successor_id", sa.String(16)))


def downgrade() -> None:
    op.drop_column("api_keys", "successor_id")
