"""Acts that came over the API, noted in the audit chain when they were carried out."""

from accounts.audit import append, instant_text
from controller.api.context import Viewer
from controller.store.audit import NETWORK


def note_act(reader: Viewer, what: str, subject: str, because: str = "", **details: object) -> None:
    """Write into the audit chain what somebody did, and why where that was said."""
    actor, at = reader.principal.actor(because), instant_text(reader.context.now())
    with reader.context.changes.plans.begin() as connection:
        append(connection, actor, at, what, subject, details, kind=NETWORK)
