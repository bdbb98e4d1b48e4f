"""Sign-in of the service: its realm on the records, and the link for the first administrator."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from sqlalchemy import Engine

from accounts.audit import Actor
from accounts.directory import working_administrators
from accounts.errors import RelyingPartyError
from accounts.factors.passkeys import LOCALHOST, RelyingParty
from accounts.factors.passwords import PasswordHashing
from accounts.factors.totp import SealingKey
from accounts.realm import Realm, open_realm
from accounts.signing_in.links import first_administrator_link
from controller.account_routes.set_up_page import link_address
from controller.environment import SettingError
from controller.keys.psk_sealing import sealing_key
from controller.roles import CATALOGUE
from database.engine import reading

URL: Final = "SANAGA_URL"


def usual_url(port: int) -> str:
    """Return where people of this machine reach the service, for one that was told nothing else."""
    return f"http://{LOCALHOST}:{port}"


@contextmanager
def sign_in_realm(engine: Engine, state_dir: Path, url: str, title: str) -> Iterator[Realm]:
    """Open what sign-in needs for as long as the block runs; url is where people reach the service.

    Raises SettingError when passkeys cannot be made under the name of the URL, or were made under
    another one, and CredentialError when the sealing key cannot be used.
    """
    with closing(PasswordHashing()) as passwords:
        try:
            name = _host(url)
            party = RelyingParty(name, title, (url.rstrip("/"),))
            key = SealingKey(sealing_key(state_dir))
            realm = open_realm(Realm(engine, CATALOGUE, party, key, passwords))
        except RelyingPartyError as error:
            raise SettingError(f"{URL} or --url: {error}") from error
        yield realm


def first_link(realm: Realm, local_name: str, now_s: float) -> str:
    """Return the address at which the first administrator begins; empty if there is one already.

    An earlier one works no more.
    """
    with reading(realm.engine) as connection:
        if working_administrators(connection, realm.catalogue):
            return ""
    actor = Actor(local_name, "first administrator, at the start of the service")
    with realm.engine.begin() as connection:
        made = first_administrator_link(connection, realm.catalogue, actor, now_s)
    return link_address(realm.party, made)


def _host(url: str) -> str:
    """Return the host name of a URL. Raises RelyingPartyError where there is none."""
    try:
        host = urlsplit(url).hostname
    except ValueError:
        host = None
    if not host:
        raise RelyingPartyError(f"{url!r} is no web address; write one such as https://noc.cm")
    return host
