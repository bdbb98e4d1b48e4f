"""SSH keys of a laboratory: one per router, one for the controller."""

import os
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def make_key(file: Path) -> str:
    """Write a new ed25519 key readable by its owner only and return the public line."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.OpenSSH,
        serialization.NoEncryption(),
    )
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(private)
    public = key.public_key().public_bytes(
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    )
    return public.decode("ascii")


def known_hosts(keys: Mapping[tuple[IPv4Address, int], str]) -> str:
    """Return host keys by management address and port as an OpenSSH known_hosts file."""
    return "".join(f"{_pattern(*place)} {line}\n" for place, line in sorted(keys.items()))


def merge_known_hosts(existing: Iterable[str], ours: str) -> str:
    """Return known_hosts lines with ours in place of older ones for the same addresses."""
    patterns = {line.split(" ", 1)[0] for line in ours.splitlines()}
    kept = (line for line in existing if line.split(" ", 1)[0] not in patterns)
    return "".join(f"{line}\n" for line in kept) + ours


def _pattern(address: IPv4Address, port: int) -> str:
    return str(address) if port == 22 else f"[{address}]:{port}"
