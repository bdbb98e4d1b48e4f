"""Version 2: the addresses of the machines that take part in a consultation."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0002"
down_revision: Final = "0001"


def upgrade() -> None:
    """Add the column; of consultations from before no address is known."""
    column = sa.Column("addresses", sa.Text, nullable=False, server_default="[]")
    op.add_column("consultations", column)
