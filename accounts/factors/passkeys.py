"""Passkeys and security keys (WebAuthn level 2), bound to the one name of this service."""

import json
import re
import secrets
from dataclasses import dataclass
from ipaddress import ip_address
from struct import error as StructError  # noqa: N812
from typing import Any, Final
from urllib.parse import urlsplit

from sqlalchemy import Connection, delete, insert, select, update
from webauthn import (
    base64url_to_bytes,
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import bytes_to_base64url
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    UserVerificationRequirement,
)

from accounts.errors import RelyingPartyError, SignInRefusedError
from accounts.schema import challenges, passkeys

LOCALHOST: Final = "localhost"
_CHALLENGE_OCTETS: Final = 32
_CHALLENGE_S: Final = 300.0
_LONGEST_ANSWER: Final = 64 * 1024
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,1400}", re.ASCII)
# What the library raises for answers that are not answers.
_FAULTS: Final = (WebAuthnException, ValueError, KeyError, TypeError, IndexError, StructError)


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """The service as browsers know it: its host name, its title, and its web addresses."""

    name: str
    title: str
    origins: tuple[str, ...]

    def __post_init__(self) -> None:
        """Raise RelyingPartyError for what browsers would refuse."""
        _check_name(self.name)
        if not self.origins:
            raise RelyingPartyError("passkeys need the web address of this service")
        for origin in self.origins:
            _check_origin(origin, self.name)


@dataclass(frozen=True, slots=True)
class NewPasskey:
    """A passkey that was just made."""

    credential_id: str
    public_key: bytes
    sign_count: int


def check_relying_party(connection: Connection, party: RelyingParty) -> None:
    """Raise RelyingPartyError if passkeys were made under another name, where they do not work."""
    wanted = select(passkeys.c.relying_party).where(passkeys.c.relying_party != party.name)
    if other := connection.execute(wanted.limit(1)).scalar_one_or_none():
        raise RelyingPartyError(
            f"passkeys were made under the name {other!r}, and work under no other; set the name "
            f"back to {other!r}, or remove these passkeys first"
        )


def creation_options(
    party: RelyingParty, person: tuple[bytes, str, str], challenge: bytes, known: tuple[str, ...]
) -> str:
    """Return what a browser needs to make a passkey; person is a handle, a name and a title."""
    handle, name, title = person
    options = generate_registration_options(
        rp_id=party.name,
        rp_name=party.title,
        user_id=handle,
        user_name=name,
        user_display_name=title,
        challenge=challenge,
        authenticator_selection=AuthenticatorSelectionCriteria(
            user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=_descriptors(known),
    )
    return options_to_json(options)


def request_options(party: RelyingParty, challenge: bytes, known: tuple[str, ...]) -> str:
    """Return what a browser needs to answer with a passkey."""
    options = generate_authentication_options(
        rp_id=party.name,
        challenge=challenge,
        allow_credentials=_descriptors(known),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json(options)


def verify_creation(party: RelyingParty, challenge: bytes, answer: str) -> NewPasskey:
    """Return the passkey that a browser made. Raises SignInRefusedError."""
    try:
        found = verify_registration_response(
            credential=_parsed(answer),
            expected_challenge=challenge,
            expected_rp_id=party.name,
            expected_origin=list(party.origins),
            require_user_verification=True,
        )
    except _FAULTS as error:
        raise SignInRefusedError("the passkey was not accepted; try again") from error
    return NewPasskey(
        bytes_to_base64url(found.credential_id), found.credential_public_key, found.sign_count
    )


def store_passkey(
    connection: Connection, account: int, made: NewPasskey, party: RelyingParty, now_s: float
) -> None:
    """Store a passkey. Raises SignInRefusedError if it is known already."""
    mine = passkeys.c.credential_id == made.credential_id
    if connection.execute(select(passkeys.c.account_id).where(mine)).first():
        raise SignInRefusedError("this passkey is known already; use another one")
    connection.execute(
        insert(passkeys).values(
            credential_id=made.credential_id,
            account_id=account,
            public_key=made.public_key,
            sign_count=made.sign_count,
            relying_party=party.name,
            title="passkey",
            created_s=now_s,
        )
    )


def passkeys_of(connection: Connection, account: int) -> tuple[str, ...]:
    """Return the ids of an account's passkeys."""
    wanted = select(passkeys.c.credential_id).where(passkeys.c.account_id == account)
    return tuple(connection.execute(wanted.order_by(passkeys.c.created_s)).scalars())


def new_challenge(connection: Connection, account: int, purpose: str, now_s: float) -> bytes:
    """Make the challenge for one purpose, in the place of an earlier one."""
    made = random_challenge()
    connection.execute(
        delete(challenges).where(
            (challenges.c.expires_s < now_s)
            | ((challenges.c.account_id == account) & (challenges.c.purpose == purpose))
        )
    )
    row = {"account_id": account, "purpose": purpose, "challenge": made}
    connection.execute(insert(challenges).values(**row, expires_s=now_s + _CHALLENGE_S))
    return made


def random_challenge() -> bytes:
    """Return a challenge that nobody can foresee."""
    return secrets.token_bytes(_CHALLENGE_OCTETS)


def use_passkey(
    connection: Connection, party: RelyingParty, owner: tuple[int, str], answer: str, now_s: float
) -> bool:
    """Take a passkey's answer to the challenge of an account and a purpose, once.

    A counter that does not rise is refused: the passkey was copied, or the answer is an old one.
    """
    account, purpose = owner
    challenge = _take_challenge(connection, account, purpose, now_s)
    try:
        parsed = _parsed(answer)
        mine = (passkeys.c.account_id == account) & (passkeys.c.credential_id == parsed.get("id"))
        row = connection.execute(select(passkeys).where(mine)).one_or_none()
        if challenge is None or row is None:
            return False
        found = verify_authentication_response(
            credential=parsed,
            expected_challenge=challenge,
            expected_rp_id=party.name,
            expected_origin=list(party.origins),
            credential_public_key=row.public_key,
            credential_current_sign_count=row.sign_count,
            require_user_verification=True,
        )
    except _FAULTS:
        return False
    guarded = update(passkeys).where(mine, passkeys.c.sign_count == row.sign_count)
    count = {"sign_count": found.new_sign_count, "used_s": now_s}
    return connection.execute(guarded.values(count)).rowcount == 1


def _take_challenge(
    connection: Connection, account: int, purpose: str, now_s: float
) -> bytes | None:
    mine = (challenges.c.account_id == account) & (challenges.c.purpose == purpose)
    row = connection.execute(select(challenges).where(mine)).one_or_none()
    if row is None:
        return None
    # Of two at once, the guarded removal lets one through.
    once = delete(challenges).where(mine, challenges.c.challenge == row.challenge)
    taken = connection.execute(once).rowcount == 1
    return row.challenge if taken and row.expires_s > now_s else None


def _parsed(answer: str) -> dict[str, Any]:
    if len(answer) > _LONGEST_ANSWER:
        raise ValueError("too long")
    found = json.loads(answer)
    if not isinstance(found, dict) or not _ID.fullmatch(found.get("id", "")):
        raise TypeError("not a credential")
    return found


def _descriptors(known: tuple[str, ...]) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=base64url_to_bytes(one)) for one in known]


def _check_name(name: str) -> None:
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        pass
    else:
        raise RelyingPartyError(
            f"{name} is an IP address, and browsers make passkeys only for names; give this "
            "service a name in DNS or in the hosts files, or use localhost on this machine"
        )
    labels = name.split(".")
    if not all(label.replace("-", "").isalnum() and label == label.lower() for label in labels):
        raise RelyingPartyError(f"{name!r} is not a host name; write one such as noc.example.org")


def _check_origin(origin: str, name: str) -> None:
    parts = urlsplit(origin)
    host = parts.hostname or ""
    secure = parts.scheme == "https" or (parts.scheme == "http" and host == LOCALHOST)
    if parts.path or not secure:
        raise RelyingPartyError(
            f"{origin!r} cannot be used for passkeys; write https://NAME or https://NAME:PORT "
            "(http only for localhost)"
        )
    if host != name and not host.endswith(f".{name}"):
        raise RelyingPartyError(f"{origin!r} does not belong to the name {name!r}")
