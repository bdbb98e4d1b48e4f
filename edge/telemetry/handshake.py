"""How an edge and the controller know each other on the telemetry link, for both ends.

The controller's Ed25519 key issues the TLS leaf and signs a challenge that only the edge's X25519
key opens; see docs/design/telemetry-link.md. Nothing here touches a socket.
"""

import base64
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final, TypeAlias

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from edge.signed import envelope
from inventory.errors import EdgeError, PolicyRefusedError
from vpn.wireguard import hpke

PATH: Final = "/edge/v1/telemetry"
SUBPROTOCOL: Final = "sanaga-telemetry.1"
SERVER_NAME: Final = "sanaga-telemetry"
VERSION: Final = 1
SECRET_OCTETS: Final = 32
_CHALLENGE: Final = b"sanaga telemetry challenge\n"
_PROOF: Final = b"sanaga telemetry proof\n"
_SERVER_AUTH: Final = ExtendedKeyUsageOID.SERVER_AUTH
# Clocks of two machines in order differ by less.
_SKEW: Final = timedelta(minutes=5)

Json: TypeAlias = Mapping[str, Any]


class LinkRefusedError(EdgeError):
    """The other end of a telemetry link is not who it must be, or speaks in another way."""


@dataclass(frozen=True, slots=True)
class Session:
    """What both ends of one connection agree on: the device, the leaf's SHA-256, the nonce."""

    device: str
    leaf: bytes
    nonce: bytes


@dataclass(frozen=True, slots=True)
class Welcome:
    """What the controller knows of a spool, and wants."""

    acknowledged: int
    boot: str
    uptime_ms: int
    unix_s: float
    window: int
    look_s: int


@dataclass(frozen=True, slots=True)
class Leaf:
    """A TLS leaf with its private key, both in PEM; the key goes to the server's disk alone."""

    certificate: bytes
    private_key: bytes = field(repr=False)


def issue_leaf(controller: Ed25519PrivateKey, now: datetime, days: int = 90) -> Leaf:
    """Return a TLS leaf for the telemetry listener, issued by the controller's key."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, SERVER_NAME)])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(SERVER_NAME)]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([_SERVER_AUTH]), critical=True)
        .sign(controller, None)
    )
    return Leaf(
        made.public_bytes(serialization.Encoding.PEM),
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )


def check_leaf(der: bytes, trust: Ed25519PublicKey, now: datetime | None) -> bytes:
    """Return the SHA-256 of a leaf that the trusted controller issued for this link.

    now is None where the clock is not known to be right: dates are not checked then. Raises
    LinkRefusedError.
    """
    try:
        leaf = x509.load_der_x509_certificate(der)
        trust.verify(leaf.signature, leaf.tbs_certificate_bytes)
        usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        marked = SERVER_NAME in names.get_values_for_type(x509.DNSName) and _SERVER_AUTH in usage
    except InvalidSignature:
        raise LinkRefusedError(
            "the controller that this edge trusts has not issued the server's certificate"
        ) from None
    except (ValueError, x509.ExtensionNotFound) as error:
        raise LinkRefusedError(
            f"the server's certificate is not one of this link: {error}"
        ) from None
    if not marked:
        raise LinkRefusedError("the server's certificate is not one of this link")
    if now and not leaf.not_valid_before_utc - _SKEW <= now <= leaf.not_valid_after_utc + _SKEW:
        raise LinkRefusedError(
            f"the server's certificate is valid from {leaf.not_valid_before_utc:%Y-%m-%d} to "
            f"{leaf.not_valid_after_utc:%Y-%m-%d}; restart the controller, which renews it"
        )
    return sha256(der).digest()


def hello(session: Session, dictionaries: Iterable[int]) -> Json:
    """Return the edge's first message."""
    return {
        "hello": VERSION,
        "device": session.device,
        "nonce": _text(session.nonce),
        "dictionaries": sorted(dictionaries),
    }


def read_hello(message: Json, leaf: bytes) -> Session:
    """Return what an edge's first message says. Raises LinkRefusedError."""
    if message.get("hello") != VERSION:
        raise LinkRefusedError(f"this is no hello of version {VERSION}")
    device, nonce = message.get("device"), _octets(message, "nonce")
    if not isinstance(device, str) or not 0 < len(device) <= 64:
        raise LinkRefusedError("a hello names no device")
    if len(nonce) != SECRET_OCTETS:
        raise LinkRefusedError("a hello's nonce is not 32 octets")
    return Session(device, leaf, nonce)


def seal_challenge(
    session: Session, device_key: str, secret: bytes, controller: Ed25519PrivateKey, now: datetime
) -> Json:
    """Return the controller's answer to a hello: a secret that the device's key alone opens.

    device_key is the public key that the controller has pinned, in base64.
    """
    rest = {
        "device": session.device,
        "issued_at": now.isoformat(),
        "leaf": _text(session.leaf),
        "nonce": _text(session.nonce),
        "sealed": hpke.hpke_seal(secret, device_key, _about(session.device)),
    }
    return {"challenge": envelope.add_signature(rest, _CHALLENGE, controller)}


def open_challenge(
    message: Json, session: Session, trust: Ed25519PublicKey, private_keys: Iterable[bytes]
) -> bytes:
    """Return the secret of a challenge for this session. Raises LinkRefusedError."""
    given = message.get("challenge")
    if not isinstance(given, dict) or not envelope.has_signature(given, _CHALLENGE, trust):
        raise LinkRefusedError("the controller that this edge trusts has not signed the challenge")
    mine = (session.device, _text(session.leaf), _text(session.nonce))
    if (given.get("device"), given.get("leaf"), given.get("nonce")) != mine:
        raise LinkRefusedError("the challenge is for another device or connection")
    try:
        sealed = str(given.get("sealed"))
        secret = hpke.hpke_open(sealed, private_keys, _about(session.device), "challenge")
    except (PolicyRefusedError, ValueError):
        raise LinkRefusedError(
            "the controller knows this device by another key; pin this device's key in edge_keys"
        ) from None
    if len(secret) != SECRET_OCTETS:
        raise LinkRefusedError("the challenge's secret is not 32 octets")
    return secret


def proof(secret: bytes, session: Session, spool: str) -> bytes:
    """Return what proves that an edge opened the secret of its session."""
    told = session.device.encode() + b"\n" + session.leaf + session.nonce + spool.encode()
    return hmac.digest(secret, _PROOF + told, "sha256")


def proof_message(given: bytes, spool: str, next_number: int, oldest: int | None) -> Json:
    """Return the edge's second message: the proof, and which numbers it holds."""
    return {"proof": _text(given), "spool": spool, "next": next_number, "oldest": oldest}


def holds(message: Json, secret: bytes, session: Session) -> bool:
    """Return whether an edge's second message proves that it has the device's key."""
    spool = message.get("spool")
    if not isinstance(spool, str) or not 0 < len(spool) <= 64:
        return False
    try:
        given = _octets(message, "proof")
    except LinkRefusedError:
        return False
    return hmac.compare_digest(given, proof(secret, session, spool))


def read_welcome(message: Json) -> Welcome:
    """Return what the controller says at last. Raises LinkRefusedError."""
    given = message.get("welcome")
    try:
        return _welcome(given if isinstance(given, dict) else {})
    except (KeyError, TypeError, ValueError, OverflowError):
        raise LinkRefusedError("the controller's welcome makes no sense") from None


def _welcome(given: Json) -> Welcome:
    return Welcome(
        max(0, int(given["acknowledged"])),
        str(given.get("boot", "")),
        int(given.get("uptime_ms", 0)),
        float(given.get("unix_s", 0.0)),
        min(256, max(1, int(given.get("window", 1)))),
        int(given.get("look_s", 0)),
    )


def _about(device: str) -> bytes:
    return _CHALLENGE + device.encode()


def _text(octets: bytes) -> str:
    return base64.b64encode(octets).decode("ascii")


def _octets(message: Json, key: str) -> bytes:
    try:
        return base64.b64decode(str(message.get(key)), validate=True)
    except ValueError:
        raise LinkRefusedError(f"{key} is not in base64") from None
