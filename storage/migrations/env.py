"""How Alembic runs here: always on a connection it is given, inside a transaction that is not its own."""

from alembic import context

import storage.freight
from storage.tables import metadata
from storage.upgrade import VERSION_TABLE

assert storage.freight  # its tables belong to the metadata too

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,
)
context.run_migrations()
