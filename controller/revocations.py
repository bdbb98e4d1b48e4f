"""The signed list of the keys that are withdrawn, for edges.

Every edge that is spoken to is handed the list, whatever else it is told, and edges tell their
neighbours; so one that the controller does not reach learns it all the same.
"""

from pathlib import Path

from controller import blocklist
from controller.blocklist import Published
from controller.clock import SystemClock
from controller.signing import signing_key
from controller.store.people import People
from edge import files, revocations
from edge.revoked import RevocationList


def publish(store: People, state_dir: Path) -> Published:
    """Sign the list of all keys that are withdrawn, unless that is done, and return it.

    Raises AccessError, CredentialError, OSError.
    """
    # Within a transaction, so that of two who do this the later one has the newer list.
    with store.together():
        serial, known = store.revoked.serial(), blocklist.published(state_dir)
        if serial > known.serial:
            found = RevocationList(serial, SystemClock().instant(), store.revoked.keys())
            envelope = revocations.sign(found, signing_key(state_dir))
            files.replace(state_dir / blocklist.FILE, envelope)
            return Published(serial, envelope)
    return known
