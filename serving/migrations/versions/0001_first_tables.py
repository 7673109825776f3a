"""The first tables of every floor."""

from alembic import op

from serving.migrate import metadatas

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    for metadata in metadatas():
        metadata.create_all(op.get_bind())


def downgrade() -> None:
    for metadata in reversed(metadatas()):
        metadata.drop_all(op.get_bind())
