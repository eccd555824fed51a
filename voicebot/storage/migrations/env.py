"""Run by Alembic: takes the connection (in its transaction, under its lock) that `upgrade` or the tests hand over."""

from alembic import context

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=context.config.attributes.get("metadata"),
    transactional_ddl=True,  # SQLite too: our connections begin transactions themselves
    render_as_batch=connection.dialect.name == "sqlite",
    compare_type=True,
)
# The caller commits: all revisions or none.
context.run_migrations()
