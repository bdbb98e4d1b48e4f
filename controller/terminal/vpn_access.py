"""Which record a verb works on: that of a controller that runs, or the one in the state folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from controller.app import made_pair, open_registrar, running_client
from controller.environment import state_dir

if TYPE_CHECKING:
    from pathlib import Path

    from controller.transport.api_client import ApiClient
    from controller.vpn_control.lists import ListAccess
    from controller.vpn_control.model import VpnAccess
    from controller.vpn_control.sites import SitesAccess
    from controller.vpn_control.terms import TermsAccess


@contextmanager
def open_access(url: str | None = None) -> "Iterator[VpnAccess]":
    """Open people, gateways and terms while the block runs.

    They are those of the controller at a URL, or of the one that runs on this machine. Where none
    runs, they are those of the state folder. Raises what running_client() and open_registrar() do.
    """
    if client := running_client(url):
        yield _there(client)
        return
    from controller.vpn_control.here import GatewaysHere, PeopleHere
    from controller.vpn_control.model import VpnAccess

    with open_registrar() as registrar:

        def terms() -> "TermsAccess":
            from controller.vpn_control.terms import TermsHere

            return TermsHere(registrar, state_dir())

        def lists() -> "ListAccess":
            from controller.vpn_control.lists import ListsHere

            return ListsHere(registrar)

        known = GatewaysHere(registrar, state_dir())
        yield VpnAccess(PeopleHere(registrar), known, terms, lists)


def _there(client: "ApiClient") -> "VpnAccess":
    """Return people, gateways and terms at a controller that runs."""
    from controller.vpn_control.lists import ListsThere
    from controller.vpn_control.model import VpnAccess
    from controller.vpn_control.there import GatewaysThere, PeopleThere, TermsThere

    return VpnAccess(
        PeopleThere(client, made_pair),
        GatewaysThere(client),
        lambda: TermsThere(client),
        lambda: ListsThere(client, made_pair),
    )


def sites_access(url: str | None, folder: "Path") -> "SitesAccess":
    """Return edges' keys at the controller of a URL, at the one that runs here, or of the folder.

    Raises what running_client() does.
    """
    from controller.vpn_control.sites import SitesHere, SitesThere

    client = running_client(url)
    return SitesThere(client, folder) if client else SitesHere(folder)
