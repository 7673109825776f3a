"""Alembic's entrance: runs the migrations over the connection it is handed."""

from alembic import context

from serving.migrate import metadatas

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=list(metadatas()),
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
