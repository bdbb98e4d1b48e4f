"""The kernel's WireGuard set by the optional extra wireguard-py, as far as that can say a change.

It knows no preshared keys, keepalives and marks, so a change with one of those goes over netlink as
a whole, and so does all looking. It reads a device and writes all of it back, every peer included:
a far end that wandered meanwhile is put back until its next packet.
https://github.com/facebookincubator/wireguard_py, given up in April 2026.
"""

import base64
import errno
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from pyroute2 import WireGuard as Netlink
from pyroute2.netlink.exceptions import NetlinkError

from edge.dataplane.differences import Changes, PeerChange
from edge.dataplane.kernel import Write, by_netlink
from vpn import keymakers


def writer() -> Write:
    """Return what carries out changes, for KernelWireGuard. Raises ExtraError without the extra."""
    return partial(_write, keymakers.wireguard_py())


def _write(library: Any, device: Netlink, name: str, changes: Changes) -> None:
    """Carry out changes in their order. Raises NetlinkError."""
    if changes.private_key is not None or changes.listen_port is not None:
        _told(partial(_set_device, library, name, changes))
    rest = replace(changes, private_key=None, listen_port=None)
    if rest.mark is not None:
        by_netlink(device, name, replace(rest, peers=()))
    for peer in rest.peers:
        if _sayable(peer):
            _told(partial(_set_peer, library, name, peer))
        else:
            by_netlink(device, name, replace(rest, mark=None, peers=(peer,)))


def _sayable(change: PeerChange) -> bool:
    return change.keepalive_s is None and change.preshared_key is None


def _set_device(library: Any, name: str, changes: Changes) -> None:
    secret = changes.private_key
    library.set_device(
        name.encode(),
        priv_key=None if secret is None else base64.b64encode(secret),
        port=changes.listen_port,
    )


def _set_peer(library: Any, name: str, change: PeerChange) -> None:
    key = change.public_key.encode()
    if change.remove:
        library.delete_peer(name.encode(), key)
        return
    endpoint = change.endpoint and library.wireguard_common.Endpoint(
        ip=change.endpoint.address, port=change.endpoint.port
    )
    library.set_peer(name.encode(), key, endpoint, change.allowed, change.replace_allowed)


def _told(act: Callable[[], None]) -> None:
    """Do what the library is to do. Raises NetlinkError when the kernel refuses it."""
    try:
        act()
    except RuntimeError as error:
        number = str(error).rpartition("-")[2]
        raise NetlinkError(int(number) if number.isdecimal() else errno.EIO) from error
