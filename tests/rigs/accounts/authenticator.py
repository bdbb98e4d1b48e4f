"""An authenticator in software (WebAuthn level 2): one P-256 key per service, and a counter."""

import json
from dataclasses import dataclass, field
from hashlib import sha256
from secrets import token_bytes
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA256
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url

_PRESENT, _VERIFIED, _ATTESTED = 0x01, 0x04, 0x40


def _new_key() -> EllipticCurvePrivateKey:
    return generate_private_key(SECP256R1())


@dataclass
class Authenticator:
    """Answers what a browser would; origin is the page that asks, verified a PIN or finger."""

    origin: str = "https://noc.example.org"
    verified: bool = True
    counts: bool = True
    key: EllipticCurvePrivateKey = field(default_factory=_new_key)
    number: bytes = field(default_factory=lambda: token_bytes(16))
    count: int = 0

    def make(self, options: str) -> str:
        """Return the answer to navigator.credentials.create()."""
        asked = json.loads(options)
        client = self._client("webauthn.create", asked["challenge"])
        data = self._data(asked["rp"]["id"], _ATTESTED) + self._credential()
        statement = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        return self._answer(clientDataJSON=client, attestationObject=statement)

    def answer(self, options: str, *, challenge: str | None = None, name: str | None = None) -> str:
        """Return the answer to navigator.credentials.get(), of another challenge or name."""
        asked = json.loads(options)
        client = self._client("webauthn.get", challenge or asked["challenge"])
        self.count += self.counts
        data = self._data(name or asked["rpId"], 0)
        signed = self.key.sign(data + sha256(client).digest(), ECDSA(SHA256()))
        return self._answer(clientDataJSON=client, authenticatorData=data, signature=signed)

    def _client(self, kind: str, challenge: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin}).encode()

    def _data(self, name: str, flags: int) -> bytes:
        flags |= _PRESENT | (_VERIFIED if self.verified else 0)
        return sha256(name.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big")

    def _credential(self) -> bytes:
        point = self.key.public_key().public_numbers()
        x, y = (number.to_bytes(32, "big") for number in (point.x, point.y))
        cose = cbor2.dumps({1: 2, 3: -7, -1: 1, -2: x, -3: y})
        return bytes(16) + len(self.number).to_bytes(2, "big") + self.number + cose

    def _answer(self, **parts: bytes) -> str:
        number = bytes_to_base64url(self.number)
        response = {name: bytes_to_base64url(part) for name, part in parts.items()}
        answer: dict[str, Any] = {"id": number, "rawId": number, "type": "public-key"}
        return json.dumps({**answer, "response": response, "clientExtensionResults": {}})


def challenge_of(options: str) -> bytes:
    """Return the challenge that options carry."""
    return base64url_to_bytes(json.loads(options)["challenge"])
