"""What a verb or a request opens."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from controller.access.registrar import Registrar
from controller.environment import environment, state_dir
from controller.terminal.output import UsageProblem
from vpn.key_text import PublicKey
from vpn.wireguard.key_backends import KeyMaker, MakePair, key_backend
from vpn.wireguard.keys import Secret

KEY_MAKER: Final = "SANAGA_KEY_MAKER"


@contextmanager
def open_registrar() -> Iterator[Registrar]:
    """Open the desk of this controller for as long as the block runs."""
    registrar = Registrar.open(state_dir(), pair=made_pair)
    try:
        yield registrar
    finally:
        registrar.close()


def made_pair() -> tuple[Secret, PublicKey]:
    """Make a private key and its public one; raises what key_maker() raises."""
    return key_maker()()


def key_maker() -> MakePair:
    """Return what SANAGA_KEY_MAKER names.

    Raises UsageProblem when it names nothing that makes keys, ExtraError when that is missing.
    """
    chosen = environment().get(KEY_MAKER) or KeyMaker.CRYPTOGRAPHY
    if chosen not in set(KeyMaker):
        choices = " or ".join(KeyMaker)
        raise UsageProblem(f"{KEY_MAKER}: '{chosen}' makes no keys; write {choices}, or nothing")
    return key_backend(KeyMaker(chosen), f"unset {KEY_MAKER}")
