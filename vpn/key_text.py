"""WireGuard keys as text: 32 octets in base64 (RFC 4648, section 4)."""

import base64
import binascii
from typing import Final, TypeAlias

KEY_OCTETS: Final = 32


def key_octets(text: str) -> bytes | None:
    """Return the 32 octets of a key in base64, or None when the text is not a key."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if len(raw) == KEY_OCTETS else None


def public_text(private_key: bytes) -> str:
    """Return the public key of a private one, in base64 as WireGuard writes keys."""
    from cryptography.hazmat.primitives.asymmetric import x25519  # noqa: PLC0415 - the daemon reads only

    public = x25519.X25519PrivateKey.from_private_bytes(private_key).public_key()
    return base64.b64encode(public.public_bytes_raw()).decode("ascii")


PublicKey: TypeAlias = str
