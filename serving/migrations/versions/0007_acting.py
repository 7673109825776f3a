"""Acting and proving: choices, experiments, plans, modes, addresses, codes and feedback."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_CHOICES = (
    ("message_before", sa.Text()),
    ("action", sa.String(40)),
    ("value", sa.Text()),
    ("trigger", sa.String(120)),
    ("chosen_by", sa.String(16)),
    ("expected_effect", sa.Float()),
    ("chance", sa.Float()),
    ("propensity", sa.Float()),
    ("survey", sa.Text()),
    ("answered_at", sa.BigInteger()),
    ("looked_at", sa.BigInteger()),
    ("decided_seconds", sa.Float()),
    ("notice_opened_at", sa.BigInteger()),
)
_TABLES = (
    "feedback_items",
    "step_up_codes",
    "contact_addresses",
    "mode_unlocks",
    "measurement_plans",
    "experiments",
)


def upgrade() -> None:
    for name, kind in _CHOICES:
        op.add_column("interventions", sa.Column(name, kind))
    op.add_column(
        "outbox", sa.Column("transport", sa.String(16), nullable=False, server_default="webhook")
    )
    op.add_column("outbox", sa.Column("replays", sa.Integer(), nullable=False, server_default="0"))
    op.create_table(
        "experiments",
        sa.Column("experiment", sa.String(160), primary_key=True),
        sa.Column("playbook", sa.String(80), nullable=False),
        sa.Column("target", sa.String(80)),
        sa.Column("holdout_share", sa.Float(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(200), nullable=False),
        sa.Column("stopped_for", sa.String(16)),
        sa.Column("ended_at", sa.BigInteger()),
        sa.Column("resumed_at", sa.BigInteger()),
        sa.Column("resumed_by", sa.String(200)),
        sa.Column("plan_digest", sa.String(64)),
        sa.Column("looks", sa.Integer(), nullable=False),
    )
    op.create_index("experiments_by_playbook", "experiments", ["playbook", "started_at"])
    op.create_table(
        "measurement_plans",
        sa.Column("plan_digest", sa.String(64), primary_key=True),
        sa.Column("playbook", sa.String(80), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("frozen_at", sa.BigInteger(), nullable=False),
        sa.Column("frozen_by", sa.String(200), nullable=False),
    )
    op.create_table(
        "mode_unlocks",
        sa.Column("unlock_id", sa.String(36), primary_key=True),
        sa.Column("mode", sa.String(16), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("unlocked_at", sa.BigInteger(), nullable=False),
        sa.Column("unlocked_by", sa.String(200), nullable=False),
        sa.Column("revoked_at", sa.BigInteger()),
    )
    op.create_table(
        "contact_addresses",
        sa.Column("customer_id", sa.String(200), primary_key=True),
        sa.Column("channel", sa.String(40), primary_key=True),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "step_up_codes",
        sa.Column("code_id", sa.String(36), primary_key=True),
        sa.Column("person_id", sa.String(60), nullable=False),
        sa.Column("code_hash", sa.String(64), nullable=False),
        sa.Column("sent_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("used_at", sa.BigInteger()),
    )
    op.create_index("step_up_codes_by_person", "step_up_codes", ["person_id", "sent_at"])
    op.create_table(
        "feedback_items",
        sa.Column("item_id", sa.String(36), primary_key=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("source", sa.String(120), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("owner", sa.String(200)),
        sa.Column("due_at", sa.BigInteger()),
        sa.Column("measure", sa.String(120)),
        sa.Column("before", sa.Text()),
        sa.Column("action", sa.Text()),
        sa.Column("acted_at", sa.BigInteger()),
        sa.Column("after", sa.Text()),
        sa.Column("closed_at", sa.BigInteger()),
        sa.Column("closed_by", sa.String(200)),
        sa.Column("close_reason", sa.Text()),
    )
    op.create_index("feedback_items_by_time", "feedback_items", ["opened_at", "item_id"])


def downgrade() -> None:
    for name in _TABLES:
        op.drop_table(name)
    for name in ("replays", "transport"):
        op.drop_column("outbox", name)
    for name, _ in reversed(_CHOICES):
        op.drop_column("interventions", name)
