"""Which SSH host key a device shows, before anyone trusts it."""

import base64
import socket
from hashlib import sha256
from typing import Final

from paramiko import Transport
from paramiko.ssh_exception import SSHException

from controller.transport.netns import inside
from controller.transport.untrusted_text import last_line
from inventory.documents.host_keys import KEY_TYPES
from inventory.errors import UnreachableError
from inventory.model import Device

TIMEOUT_S: Final = 10.0


def shown(device: Device, *, namespace: str | None) -> str:
    """Return the device's host key as 'TYPE BASE64', its preferred one where it has several.

    Raises UnreachableError.
    """
    if device.management is None:
        raise UnreachableError(device.name, "no management address; add management: to the device")
    address = str(device.management.address), device.management.port
    try:
        link = inside(namespace, lambda: socket.create_connection(address, timeout=TIMEOUT_S))
        return _asked(link)
    except (OSError, EOFError, SSHException) as error:
        where = f"{address[0]} port {address[1]}"
        raise UnreachableError(device.name, f"no SSH at {where}: {last_line(error)}") from None


def fingerprint(key: str) -> str:
    """Return a key's fingerprint as OpenSSH prints it."""
    digest = sha256(base64.b64decode(key.split()[1])).digest()
    return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


def _asked(link: socket.socket) -> str:
    transport = Transport(link)
    try:
        options = transport.get_security_options()
        options.key_types = tuple(kind for kind in KEY_TYPES if kind in options.key_types)
        transport.start_client(timeout=TIMEOUT_S)
        key = transport.get_remote_server_key()
        return f"{key.get_name()} {key.get_base64()}"
    finally:
        transport.close()
