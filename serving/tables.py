"""The tables this floor owns: what home this is, who may call it, how its models are doing.

Requests and complaints carry random person ids, and no words: those lie in the person's history.
"""

from sqlalchemy import JSON, BigInteger, Column, Index, Integer, MetaData, String, Table, Text

from governance.instants import UtcInstant

metadata = MetaData()

home = Table(
    "home",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # always 1: one row
    Column("kind", String(16), nullable=False),
    Column("created_at", UtcInstant, nullable=False),
    Column("journal_position", BigInteger, nullable=False),  # up to where the journal is known here
    Column("journal_seal", String(64)),  # of the journal's end there; none was noted before
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("key_id", String(16), primary_key=True),
    Column("secret_hash", String(64), nullable=False),  # sha256, hex; the secret is never stored
    Column("owner", String(200), nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("created_at", UtcInstant, nullable=False),
    Column("expires_at", UtcInstant),
    Column("revoked_at", UtcInstant),
    Column("last_used_at", UtcInstant),
    Column("successor_id", String(16)),  # the key it was rotated to
)

staff_sessions = Table(
    "staff_sessions",
    metadata,
    Column("token_hash", String(64), primary_key=True),  # sha256, hex; the token is never stored
    Column("key_id", String(16), nullable=False),  # whose key opened it, and may do what it may
    Column("opened_at", UtcInstant, nullable=False),
    Column("seen_at", UtcInstant, nullable=False),
    Column("ends_at", UtcInstant, nullable=False),
)
Index("staff_sessions_by_key", staff_sessions.c.key_id)

dashboard_figures = Table(
    "dashboard_figures",
    metadata,
    Column("name", String(120), primary_key=True),
    Column("layer", String(16), nullable=False),  # executive | operational | research
    Column("taken_at", UtcInstant, nullable=False),
    Column("document", Text, nullable=False),  # figures over people as JSON, none about anyone
)

annotations = Table(
    "annotations",
    metadata,
    Column("annotation_id", String(36), primary_key=True),
    Column("happened_at", UtcInstant, nullable=False),
    Column("text", Text, nullable=False),  # what happened, naming nobody
    Column("written_by", String(200), nullable=False),
    Column("written_at", UtcInstant, nullable=False),
)

model_monitoring = Table(
    "model_monitoring",
    metadata,
    Column("target", String(200), primary_key=True),
    Column("model_digest", String(64), primary_key=True),
    Column("monitored_at", UtcInstant, primary_key=True),
    Column("status", String(16), nullable=False),
    Column("result", Text, nullable=False),  # figures over people as JSON, none about anyone
)

review_requests = Table(
    "review_requests",
    metadata,
    Column("request_id", String(36), primary_key=True),
    Column("person_id", String(60), nullable=False),  # leads nowhere after an erasure
    Column("decision_id", String(36)),  # nothing: everything that waits for this person
    Column("appeal_of", String(36)),  # the request whose outcome is contested
    Column("received_at", UtcInstant, nullable=False),
    Column("due_at", UtcInstant, nullable=False),
    Column("status", String(16), nullable=False),  # open | upheld | overturned | withdrawn
    Column("decided_by", String(200)),  # owner of the key that decided
    Column("decided_key", String(16)),
    Column("decided_at", UtcInstant),
)
Index("review_requests_by_person", review_requests.c.person_id)
Index("review_requests_by_decision", review_requests.c.decision_id)
Index("review_requests_by_time", review_requests.c.received_at, review_requests.c.request_id)

complaints = Table(
    "complaints",
    metadata,
    Column("complaint_id", String(36), primary_key=True),
    Column("person_id", String(60), nullable=False),  # leads nowhere after an erasure
    Column("category", String(40), nullable=False),
    Column("received_at", UtcInstant, nullable=False),
    Column("status", String(16), nullable=False),  # open | resolved | rejected | withdrawn
    Column("closed_at", UtcInstant),
    Column("closed_by", String(16)),  # id of the key that closed it
)
Index("complaints_by_person", complaints.c.person_id)

harms = Table(
    "harms",
    metadata,
    Column("harm_id", String(36), primary_key=True),
    Column("target", String(200), nullable=False),
    Column("noted_at", UtcInstant, nullable=False),
    Column("text", Text, nullable=False),  # about the model, naming nobody
)

kept_answers = Table(
    "kept_answers",
    metadata,
    Column("name", String(64), primary_key=True),  # keyed digest of bearer key and Idempotency-Key
    Column("claim", String(32), nullable=False),  # which attempt may end it
    Column("request", String(64), nullable=False),  # keyed digest; empty once it is gone
    Column("customer_id", String(200)),  # whom the answer concerns
    Column("state", String(8), nullable=False),  # running | acted | kept | gone
    Column("status", Integer),
    Column("body", Text),
    Column("claimed_until", UtcInstant, nullable=False),
    Column("kept_until", UtcInstant, nullable=False),
)
Index("kept_answers_by_customer", kept_answers.c.customer_id)
Index("kept_answers_by_time", kept_answers.c.kept_until)

dropped_events = Table(
    "dropped_events",
    metadata,
    Column("name", String(64), primary_key=True),  # keyed digest of who and what an event is
    Column("content", String(64), nullable=False),  # keyed digest
    Column("token", String(64), nullable=False),  # the suppression it goes with
)

contact_addresses = Table(
    "contact_addresses",
    metadata,
    Column("customer_id", String(200), primary_key=True),
    Column("channel", String(40), primary_key=True),
    Column("address", Text, nullable=False),
    Column("recorded_at", UtcInstant, nullable=False),
)

step_up_codes = Table(
    "step_up_codes",
    metadata,
    Column("code_id", String(36), primary_key=True),
    Column("person_id", String(60), nullable=False),  # leads nowhere after an erasure
    Column("code_hash", String(64), nullable=False),  # keyed digest; the code itself is not kept
    Column("sent_at", UtcInstant, nullable=False),
    Column("expires_at", UtcInstant, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("used_at", UtcInstant),
)
Index("step_up_codes_by_person", step_up_codes.c.person_id, step_up_codes.c.sent_at)

feedback_items = Table(
    "feedback_items",
    metadata,
    Column("item_id", String(36), primary_key=True),
    Column("title", Text, nullable=False),  # about what could be better, naming nobody
    Column("source", String(120), nullable=False),  # theme, measure, stage or complaint behind it
    Column("status", String(16), nullable=False),  # open | assigned | acted | closed
    Column("opened_at", UtcInstant, nullable=False),
    Column("owner", String(200)),
    Column("due_at", UtcInstant),
    Column("measure", String(120)),  # what is measured again before it can be closed
    Column("before", Text),  # JSON: the figure with its interval and when it was taken
    Column("action", Text),
    Column("acted_at", UtcInstant),
    Column("after", Text),  # JSON, as before
    Column("closed_at", UtcInstant),
    Column("closed_by", String(200)),
    Column("close_reason", Text),  # why it was closed without measuring again
)
Index("feedback_items_by_time", feedback_items.c.opened_at, feedback_items.c.item_id)

retention_runs = Table(
    "retention_runs",
    metadata,
    Column("applied_at", UtcInstant, primary_key=True),
    Column("result", Text, nullable=False),  # what went, per kind, as JSON
)
