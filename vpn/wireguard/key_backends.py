"""Who makes WireGuard's key pairs: `cryptography`, or the optional extra wireguard-py.

Nobody can tell the keys apart; wireguard-py is for those who want WireGuard's own C code to have
made them. It is the extra wireguard-py, which comes as source alone, for Python before 3.13.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Any, TypeAlias

from inventory.errors import ExtraError, how_to_install
from vpn.key_text import PublicKey
from vpn.wireguard import keys
from vpn.wireguard.keys import Secret

MakePair: TypeAlias = Callable[[], tuple[Secret, PublicKey]]


class KeyMaker(StrEnum):
    """The makers, by the names of their packages."""

    CRYPTOGRAPHY = "cryptography"
    WIREGUARD_PY = "wireguard-py"


def key_backend(name: KeyMaker, undo: str) -> MakePair:
    """Return what makes a private key and its public one.

    Raises ExtraError when it is not installed; undo says how to choose another one.
    """
    if name is KeyMaker.CRYPTOGRAPHY:
        return keys.generate_pair
    library = wireguard_py(undo)

    def pair() -> tuple[Secret, PublicKey]:
        private = library.gen_priv_key()
        # It would take a text that is no key for one: only what it made itself goes there.
        public = library.get_pub_key(private).decode("ascii")
        return keys.parse_secret(private.decode("ascii")), keys.parse_public(public)

    return pair


def wireguard_py(undo: str) -> Any:
    """Return the library wireguard-py, which has no types.

    Raises ExtraError without it; undo says how to do without.
    """
    try:
        import wireguard_py  # noqa: PLC0415 - an optional extra
    except ImportError as error:
        raise ExtraError(
            "wireguard-py is not installed, which takes a compiler and a Python before 3.13: "
            f"{how_to_install('wireguard-py')}; or {undo}"
        ) from error
    return wireguard_py
