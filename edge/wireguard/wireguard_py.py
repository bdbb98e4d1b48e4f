"""The kernel's WireGuard given its private key by the optional extra wireguard-py.

It does not set peers: it knows no preshared keys, keepalives and counters, and adds a peer
behind the end of a list that it may have freed, when the last one has more prefixes than a message
holds. https://github.com/facebookincubator/wireguard_py, given up in April 2026.
"""

import base64
import errno
from dataclasses import replace
from functools import partial
from typing import Any

from pyroute2 import WireGuard as Netlink
from pyroute2.netlink.exceptions import NetlinkError

from edge.wireguard.diff import Changes
from edge.wireguard.kernel import Write, by_netlink
from vpn.wireguard import key_backends


def library_writer(undo: str) -> Write:
    """Return what carries out changes, for KernelWireGuard.

    Raises ExtraError without the extra; undo says how to do without.
    """
    return partial(write_changes, key_backends.wireguard_py(undo))


def write_changes(library: Any, device: Netlink, name: str, changes: Changes) -> None:
    """Set the private key and the listening port by the library, then the rest by netlink.

    Raises NetlinkError.
    """
    if changes.private_key is not None or changes.listen_port is not None:
        _set_device(library, name, changes)
    by_netlink(device, name, replace(changes, private_key=None, listen_port=None))


def _set_device(library: Any, name: str, changes: Changes) -> None:
    secret = changes.private_key
    try:
        library.set_device(
            name.encode(),
            priv_key=None if secret is None else base64.b64encode(secret),
            port=changes.listen_port,
        )
    except RuntimeError as error:
        number = str(error).rpartition("-")[2]
        raise NetlinkError(int(number) if number.isdecimal() else errno.EIO) from error
