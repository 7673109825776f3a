"""What was decided about contacting someone, and the messages waiting to leave."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

from governance.instants import UtcInstant

metadata = MetaData()

interventions = Table(
    "interventions",
    metadata,
    Column("intervention_id", String(36), primary_key=True),
    Column("customer_id", String(200), nullable=False),
    Column("playbook", String(80), nullable=False),
    Column("playbook_class", String(16), nullable=False),  # service | outreach
    Column("channel", String(40), nullable=False),
    Column("arm", String(16), nullable=False),  # treated | holdout
    Column("status", String(16), nullable=False),  # see desk.STATUSES
    Column("reason", String(80), nullable=False),
    Column("experiment", String(160), nullable=False),
    Column("stratum", String(40), nullable=False),
    Column("target", String(80)),
    Column("probability", Float),
    Column("model_digest", String(64)),
    Column("score_decision_id", String(36)),
    Column("decision_id", String(36), nullable=False),  # the verdict that cleared or held out
    Column("permissions", Text, nullable=False),  # JSON: purpose to consent event id
    Column("message", Text, nullable=False),  # JSON: subject and body; empty for the held out
    Column("message_before", Text),  # as the playbook had it, where a person changed it
    Column("action", String(40)),  # what kind of thing it is, in the playbook's word
    Column("value", Text),  # what the customer gets from it, in the playbook's words
    Column("cost", Float, nullable=False),
    Column("trigger", String(120)),  # what spoke for it: a score, an event, a stage, a dimension
    Column("chosen_by", String(16)),  # duty | rule | effect | explored; nothing before 0007
    Column("expected_effect", Float),  # of contacting, in the playbook's outcome (0.02: 2 points)
    Column("chance", Float),  # that the choice took them: 1, or less for those drawn to explore
    Column("propensity", Float),  # the chance of being contacted that the draw gave, 0 to 1
    Column("survey", Text),  # JSON: the question it asks, see question.py; none: it asks none
    Column("answered_at", UtcInstant),  # when the survey was last answered
    Column("needs_person", Boolean, nullable=False),
    Column("created_at", UtcInstant, nullable=False),
    Column("valid_until", UtcInstant, nullable=False),
    Column("holdout_until", UtcInstant),
    Column("decided_at", UtcInstant),  # by a person
    Column("decided_by", String(200)),
    Column("decided_reason", Text),
    Column("looked_at", UtcInstant),  # when somebody last opened it to decide
    Column("decided_seconds", Float),  # how long it lay before whoever decided; see oversight.py
    Column("sent_at", UtcInstant),
    Column("notice_opened_at", UtcInstant),  # when the customer first read why, with a code
    Column("ended_at", UtcInstant),
)
Index("interventions_by_customer", interventions.c.customer_id, interventions.c.created_at)
Index("interventions_by_experiment", interventions.c.experiment, interventions.c.customer_id)
Index("interventions_by_time", interventions.c.created_at, interventions.c.intervention_id)

experiments = Table(
    "experiments",
    metadata,
    Column("experiment", String(160), primary_key=True),
    Column("playbook", String(80), nullable=False),
    Column("target", String(80)),
    Column("holdout_share", Float, nullable=False),
    Column("started_at", UtcInstant, nullable=False),
    Column("ends_at", UtcInstant, nullable=False),  # nobody is assigned after it
    Column("status", String(16), nullable=False),  # running | ended | stopped
    Column("reason", String(200), nullable=False),  # why it is over, in plain words
    Column("stopped_for", String(16)),  # benefit | harm
    Column("ended_at", UtcInstant),
    Column("resumed_at", UtcInstant),  # a person let the playbook go on after it was stopped
    Column("resumed_by", String(200)),
    Column("plan_digest", String(64)),  # of the measurement plan frozen before it started
    Column("looks", Integer, nullable=False),  # how often its running result was looked at
)
Index("experiments_by_playbook", experiments.c.playbook, experiments.c.started_at)

measurement_plans = Table(
    "measurement_plans",
    metadata,
    Column("plan_digest", String(64), primary_key=True),  # sha256 of the canonical body
    Column("playbook", String(80), nullable=False),
    Column("body", Text, nullable=False),  # JSON: what is measured, on whom, until when, and then
    Column("frozen_at", UtcInstant, nullable=False),
    Column("frozen_by", String(200), nullable=False),
)

mode_unlocks = Table(
    "mode_unlocks",
    metadata,
    Column("unlock_id", String(36), primary_key=True),
    Column("mode", String(16), nullable=False),  # advise | act
    Column("evidence", Text, nullable=False),  # JSON: figures and digests, naming nobody
    Column("unlocked_at", UtcInstant, nullable=False),
    Column("unlocked_by", String(200), nullable=False),  # owner of the key that stood for it
    Column("revoked_at", UtcInstant),
)

outbox = Table(
    "outbox",
    metadata,
    Column("message_id", String(36), primary_key=True),  # what the receiver sees, always the same
    Column("intervention_id", String(36)),
    Column("customer_id", String(200)),
    Column("type", String(60), nullable=False),
    Column("body", Text, nullable=False),  # exactly the text that is signed and sent
    Column("status", String(16), nullable=False),  # see outbox.py
    Column("reason", String(80), nullable=False),
    Column("created_at", UtcInstant, nullable=False),
    Column("due_at", UtcInstant, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("fence", Integer, nullable=False),  # grows with every lease; an old one can do nothing
    Column("leased_until", UtcInstant),
    Column("on_wire_at", UtcInstant),
    Column("stop_asked_at", UtcInstant),  # permission went while it was on the wire
    Column("finished_at", UtcInstant),
    Column("last_status", Integer),
    Column("transport", String(16), nullable=False, server_default="webhook"),  # webhook | email
    Column("replays", Integer, nullable=False, server_default="0"),  # from among the dead
)
Index("outbox_due", outbox.c.status, outbox.c.due_at)
Index("outbox_by_customer", outbox.c.customer_id)
Index("outbox_by_intervention", outbox.c.intervention_id)

told_scores = Table(
    "told_scores",
    metadata,
    Column("person_id", String(60), primary_key=True),
    Column("target", String(200), primary_key=True),
    Column("decision_id", String(36), nullable=False),  # its score is what counts as told
    Column("told_at", UtcInstant, nullable=False),
)

score_news = Table(
    "score_news",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # always 1: one row
    Column("ledger_seq", BigInteger, nullable=False),  # up to where decisions were looked at
    Column("position", Integer, nullable=False),
)

webhook_endpoints = Table(
    "webhook_endpoints",
    metadata,
    Column("url", String(500), primary_key=True),
    Column("disabled_at", UtcInstant, nullable=False),
    Column("reason", String(80), nullable=False),
)
