"""Texts as QR codes (ISO/IEC 18004), for cameras of tablets and phones."""

from io import BytesIO, StringIO

import segno


def qr_terminal(text: str) -> str:
    """Return a code as half blocks, which a camera reads from a terminal."""
    stream = StringIO()
    _made(text).terminal(out=stream, compact=True)
    return stream.getvalue()


def qr_columns(text: str) -> int:
    """Return how many columns a code takes in a terminal, with its quiet zone."""
    columns, _ = _made(text).symbol_size()
    return int(columns)


def qr_png(text: str) -> bytes:
    """Return a code as a PNG picture."""
    return _drawn(text, "png")


def qr_svg(text: str) -> bytes:
    """Return a code as an SVG picture."""
    return _drawn(text, "svg")


def _drawn(text: str, kind: str) -> bytes:
    stream = BytesIO()
    _made(text).save(stream, kind=kind, scale=6, border=4)
    return stream.getvalue()


def _made(text: str) -> segno.QRCode:
    # Bytes in UTF-8: WireGuard's apps read them so, whatever an older standard says of letters.
    return segno.make_qr(text, error="l", mode="byte", encoding="utf-8", boost_error=True)
