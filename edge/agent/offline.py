"""What may be done with an edge's folder while no daemon runs there."""

from pathlib import Path
from uuid import uuid4

from edge.clock import current_moment, rfc3339
from edge.dataplane import thread as dataplane_thread
from edge.identity import device as identity
from edge.policy.store import PolicyStore
from edge.signed.verifiers import PolicyVerifier
from edge.storage import lock


def remove_from_kernel(folder: Path) -> tuple[str, ...]:
    """Take everything of an edge that does not run out of the kernel, and say so.

    Raises EdgeError, also when one does run, OSError.
    """
    who = identity.load_identity(folder)
    with lock.hold_folder(folder, rfc3339(current_moment().unix_s)), lock.hold_namespace():
        signed = PolicyStore(folder, who.device, PolicyVerifier(folder)).load().signed
        names = dataplane_thread.tunnel_names(signed.policy if signed else None)
        return dataplane_thread.take_back(folder, None, names)


def keep_policy(folder: Path, envelope: str, file: str) -> int:
    """Keep a policy for the next start of an edge that does not run; return its serial.

    Raises PolicyRefusedError, EdgeError, OSError.
    """
    who = identity.load_identity(folder)
    with lock.hold_folder(folder, rfc3339(current_moment().unix_s)):
        store, txn, now = (
            PolicyStore(folder, who.device, PolicyVerifier(folder)),
            str(uuid4()),
            current_moment(),
        )
        store.recover(now)
        signed = store.stage(txn, envelope, store.load().signed, file=file)
        store.begin(txn, 1, now)
        store.confirm()
        return signed.serial
