"""A device's file on its way through a gateway that is not to read it, in pieces for datagrams.

It is sealed to the device's key by HPKE (RFC 9180), and bears a tag (HMAC-SHA-256) with a key that
only the two ends have whose words were compared.
"""

import base64
import hmac
from collections.abc import Sequence
from typing import Final

from inventory.errors import EdgeError, PolicyRefusedError
from vpn.key_text import PublicKey
from vpn.wireguard import hpke
from vpn.wireguard.keys import Secret

_PURPOSE: Final = b"sanaga joining\n"
_PIECE: Final = 800
_MOST: Final = 40
_TAG: Final = 32


def seal_file(text: str, key: bytes, to: PublicKey) -> tuple[str, ...]:
    """Return the pieces of a text for a device; the first one says how many there are."""
    box = base64.b64decode(hpke.hpke_seal(text.encode(), to, _PURPOSE))
    written = base64.b64encode(_tag(key, box) + box).decode("ascii")
    pieces = [written[at : at + _PIECE] for at in range(0, len(written), _PIECE)]
    return (f"{len(pieces)} {pieces[0]}", *pieces[1:])


def piece_count(first: str) -> int:
    """Return how many pieces there are, by the first. Raises EdgeError."""
    number = first.partition(" ")[0]
    if not (number.isascii() and number.isdigit() and len(number) < 3):
        raise _strange()
    if not 0 < int(number) <= _MOST:
        raise _strange()
    return int(number)


def open_file(pieces: Sequence[str], key: bytes, private: Secret) -> str:
    """Return the text of all pieces. Raises EdgeError when it is not the one that was packed."""
    first = pieces[0].partition(" ")[2]
    try:
        whole = base64.b64decode("".join((first, *pieces[1:])), validate=True)
        tag, box = whole[:_TAG], whole[_TAG:]
        if not hmac.compare_digest(tag, _tag(key, box)):
            raise _strange()
        sealed = base64.b64encode(box).decode("ascii")
        return hpke.hpke_open(sealed, [private.octets], _PURPOSE, "the file").decode()
    except (ValueError, PolicyRefusedError):
        raise _strange() from None


def tag_word(word: str, key: bytes) -> str:
    """Return a word of one end to the other, with a tag that nobody else can make."""
    return f"{word} {_tag(key, word.encode()).hex()}"


def verify_tag(text: str, key: bytes) -> str:
    """Return the word of a tagged one. Raises EdgeError if the tag is wrong."""
    word = text.partition(" ")[0]
    if not (text.isascii() and hmac.compare_digest(text, tag_word(word, key))):
        raise _strange()
    return word


def _tag(key: bytes, box: bytes) -> bytes:
    return hmac.digest(key, _PURPOSE + box, "sha256")


def _strange() -> EdgeError:
    return EdgeError("what came is not what the other end sent; begin again with another code")
