"""The signed list of the keys that are withdrawn, for edges.

Every edge that is spoken to is handed the list, whatever else it is told, and edges tell their
neighbours; so one that the controller does not reach learns it all the same.
"""

from pathlib import Path

from controller.clock import SystemClock
from controller.keys import revocation_file
from controller.keys.revocation_file import PublishedRevocations
from controller.keys.signing import signing_key
from controller.store.people import People
from edge.signed import revocation_envelope
from edge.storage import atomic
from vpn.people.revocation_list import RevocationList


def publish(store: People, folder: Path, *, above: int = 0) -> PublishedRevocations:
    """Sign the list of all keys that are withdrawn, unless that is done, and return it.

    above is a serial that an edge goes by: one that is not below ours says that the record was put
    back from a backup, and so does a published list that is newer than the record. What the record
    lacks is taken from that list, and all that is new gets numbers above both. Raises AccessError,
    CredentialError, OSError.
    """
    # Within a transaction, so that of two who do this the later one has the newer list.
    with store.together():
        known = revocation_file.published(folder)
        if store.revoked.serial() <= above or known.restored_from_backup(store.revoked.newest()):
            store.revoked.renumber(max(known.serial, above), known.keys)
        serial = store.revoked.serial()
        if serial > known.serial:
            found = RevocationList(serial, SystemClock().instant(), store.revoked.keys())
            envelope = revocation_envelope.sign_revocation_list(found, signing_key(folder))
            atomic.replace(folder / revocation_file.FILE, envelope)
            return PublishedRevocations(serial, envelope)
    return known


def publish_revoked(store: People, folder: Path) -> None:
    """Sign the list of revoked keys again if one was added since."""
    if not revocation_file.published(folder).current(store.revoked.newest()):
        publish(store, folder)
