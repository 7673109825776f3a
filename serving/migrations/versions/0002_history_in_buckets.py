"""History segments in buckets: a file of an older version becomes one bucket of its segment.

What subjects and customers such a file holds is not in the database: its bucket says "look".
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_CLOCKS = ("first_occurred_at", "last_occurred_at", "first_known_at", "last_known_at")
_OF_THE_FILE = ("path", "rows", *_CLOCKS, "versions")


def upgrade() -> None:
    op.create_table(
        "history_buckets",
        sa.Column("path", sa.String(length=200), nullable=False),
        sa.Column("segment_id", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=20), nullable=True),
        sa.Column("first_customer", sa.String(length=200), nullable=True),
        sa.Column("last_customer", sa.String(length=200), nullable=True),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("versions", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in _CLOCKS),
        sa.PrimaryKeyConstraint("path"),
    )
    columns = "path, segment_id, rows, versions, " + ", ".join(_CLOCKS)
    op.execute(f"INSERT INTO history_buckets ({columns}) SELECT {columns} FROM history_segments")  # noqa: S608
    with op.batch_alter_table("history_segments") as segments:
        for name in _OF_THE_FILE:
            segments.drop_column(name)
    op.create_table(
        "history_pending",
        sa.Column("segment_id", sa.String(length=40), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("segment_id"),
    )
    with op.batch_alter_table("history_retired") as retired:
        retired.add_column(
            sa.Column("retired_at", sa.BigInteger(), nullable=False, server_default="0")
        )
    with op.batch_alter_table("history_retired") as retired:
        retired.alter_column("retired_at", server_default=None)
    op.drop_index("live_events_to_compact", table_name="live_events")
    op.create_index(
        "live_events_to_compact",
        "live_events",
        ["known_at"],
        unique=False,
        sqlite_where=sa.text("segment_id IS NULL"),
        postgresql_where=sa.text("segment_id IS NULL"),
    )


def downgrade() -> None:
    raise NotImplementedError("segments in several files have no older form: restore a backup")
