"""Version 3: which security updates wait on edges."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0003"
down_revision: Final = "0002"


def upgrade() -> None:
    """Add the columns; of edges that told before, nothing is known."""
    op.add_column("edge_facts", sa.Column("updates", sa.Integer))
    words = sa.Column("update_words", sa.Text, nullable=False, server_default="")
    op.add_column("edge_facts", words)
