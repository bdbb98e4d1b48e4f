"""Putting a secret into a sealed file without it ever standing on a command line."""

import re
import sys
from pathlib import Path
from typing import Final

import typer

from controller.environment import state_dir
from controller.terminal.controllers import refuse_beside
from controller.terminal.output import UsageProblem, say, watched
from controller.wording import listing
from inventory.errors import CredentialError

_NAME: Final = re.compile(r"[A-Za-z0-9][\w.-]{0,62}", re.ASCII)
_DOCUMENTS: Final = frozenset({".yaml", ".yml"})
_LARGEST: Final = 64 * 1024
_SHORTEST: Final = 12


def seal_secret(file: Path, name: str, *, replace: bool) -> None:
    """Add a secret from the keyboard or stdin to a sealed file, made if it is not there.

    Raises UsageProblem, or CredentialError when the file does not open.
    """
    from inventory.credentials import seal_secrets, unseal_text

    _check(file, name)
    phrase = _passphrase(new=not file.exists())
    secrets = dict(unseal_text(file, phrase)) if file.exists() else {}
    if name in secrets and not replace:
        raise UsageProblem(f"{file} holds {name!r} already; say --replace to put another there")
    secrets[name] = _secret(name)
    seal_secrets(secrets, phrase, file)
    known = ", ".join(sorted(secrets))
    say(f"sealed {name!r} in {file}, which holds: {known}")
    say(f'name it in the intent, by its path from there: credential: "sealed:{file.name}#{name}"')


def seal_controller() -> None:
    """Seal the keys in the state folder. Raises CredentialError and UsageProblem."""
    refuse_beside("stop it, say this again, and start it with SANAGA_PASSPHRASE")
    from controller.keys.keyfile import seal_keys, sealed_names
    from controller.keys.signing import generated

    folder = state_dir()
    new = not sealed_names(folder)
    phrase = _passphrase(new=new)
    if new:
        _require_long(phrase)
    # Where there is no key yet one is made, and those that come later are sealed like it.
    names = seal_keys(folder, phrase, generated)
    say(f"sealed in {folder}: {listing(names)}" if names else "all keys were sealed already")
    say("without the passphrase nobody opens them again; keep it apart from this disk's backups")


def open_controller() -> None:
    """Let the keys in the state folder be plain files. Raises CredentialError and UsageProblem."""
    refuse_beside("stop it, say this again, and start it without SANAGA_PASSPHRASE")
    from controller.keys.keyfile import open_keys

    folder = state_dir()
    names = open_keys(folder, _passphrase(new=False))
    say(f"plain files in {folder}: {listing(names)}" if names else "no key was sealed")


def _check(file: Path, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise UsageProblem("NAME is letters, digits, '.', '_' and '-', at most 63, such as mora-r1")
    if "#" in str(file):
        raise UsageProblem(f"{file}: a reference could not name this path, because of its '#'")
    if file.suffix.lower() in _DOCUMENTS:
        raise UsageProblem(f"{file} would be read as a document; call it {file.stem}.sealed")


def _require_long(passphrase: str) -> None:
    from inventory.credentials import normalize_passphrase

    if len(normalize_passphrase(passphrase)) < _SHORTEST:
        raise CredentialError(
            f"the passphrase has fewer than {_SHORTEST} characters, which a computer guesses; "
            "nothing was sealed; take six words that dice or a program chose"
        )


def _passphrase(*, new: bool) -> str:
    """Return the passphrase; a new one is given twice where somebody can be asked."""
    from controller.environment import environment
    from inventory.credentials import PASSPHRASE

    phrase = environment().get(PASSPHRASE, "")
    if not watched():
        if phrase:
            return phrase
        raise UsageProblem(f"nobody can be asked for the passphrase; set {PASSPHRASE}")
    if not phrase:
        return str(typer.prompt("Passphrase", hide_input=True, confirmation_prompt=new, err=True))
    if new:
        _require_same(phrase)
    return phrase


def _require_same(passphrase: str) -> None:
    """Ask for what the environment holds: a slip in it would lock everybody out."""
    from inventory.credentials import PASSPHRASE, SET_PASSPHRASE, normalize_passphrase

    wanted = normalize_passphrase(passphrase)
    typed = str(typer.prompt(f"Passphrase, as in {PASSPHRASE}", hide_input=True, err=True))
    if normalize_passphrase(typed) != wanted:
        raise CredentialError(
            f"{PASSPHRASE} holds another passphrase than was typed; nothing was sealed; set it "
            f"again: '{SET_PASSPHRASE}'"
        )


def _secret(name: str) -> str:
    if sys.stdin.isatty():
        return str(
            typer.prompt(f"Secret {name}", hide_input=True, confirmation_prompt=True, err=True)
        )
    data = sys.stdin.buffer.read(_LARGEST + 1)
    if len(data) > _LARGEST:
        raise CredentialError("stdin gave more than 64 kB; that is no secret of ours")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise CredentialError("stdin gave what is no UTF-8 text; nothing was sealed") from None
    # As with file: references, the last line break is not part of the secret.
    if secret := text.removesuffix("\n").removesuffix("\r"):
        return secret
    raise CredentialError("stdin gave no secret; nothing was sealed")
