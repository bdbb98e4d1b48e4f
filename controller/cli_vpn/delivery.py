"""Handing over a device's file: it holds a secret, so it goes to one place that a person named."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from shutil import get_terminal_size
from typing import Annotated, TypeAlias

import typer

from controller.terminal.output import Format, UsageProblem, say, write
from edge.storage import atomic
from vpn.wireguard.config import quick_name_fault

FileOption: TypeAlias = Annotated[
    Path | None,
    typer.Option("--file", "-f", metavar="FILE", help="Write the wg-quick file here."),
]
PngOption: TypeAlias = Annotated[
    Path | None, typer.Option("--png", metavar="FILE", help="Write it as a QR code, a PNG picture.")
]
SvgOption: TypeAlias = Annotated[
    Path | None,
    typer.Option("--svg", metavar="FILE", help="Write it as a QR code, an SVG picture."),
]
QrOption: TypeAlias = Annotated[bool, typer.Option("--qr", help="Show the QR code here.")]
ShowOption: TypeAlias = Annotated[bool, typer.Option("--show", help="Show the file here.")]


@dataclass(frozen=True, slots=True)
class Delivery:
    """Where a device's file goes; nothing is ever overwritten."""

    file: Path | None = None
    png: Path | None = None
    svg: Path | None = None
    qr: bool = False
    show: bool = False
    _written: list[Path] = field(default_factory=list)

    def settled(self, beside: Format = Format.TABLE) -> "Delivery":
        """Return where it goes when nobody named a place: the terminal, as a QR code.

        Raises UsageProblem when there is none, a file is there already, or a secret would go
        among data that is meant for a program.
        """
        self.free()
        chosen = self if any(self._paths()) or self.qr or self.show else Delivery(qr=True)
        if beside is not Format.TABLE and (chosen.qr or chosen.show):
            raise UsageProblem(
                f"with --output {beside} nothing secret is shown; say --file, --png or --svg"
            )
        if chosen is self or sys.stdout.isatty():
            return chosen
        raise UsageProblem("say where the file goes: --file, --png, --svg, --qr or --show")

    def free(self) -> None:
        """Raise UsageProblem when a file is there already."""
        if taken := [str(path) for path in self._paths() if path.exists()]:
            raise UsageProblem(f"{', '.join(taken)}: there already; nothing is overwritten")

    def hand(self, text: str) -> None:
        """Write a file's text wherever it goes; when one place fails, it is in none.

        Raises UsageProblem before anything is written when the terminal is too narrow.
        """
        shown = _picture(text) if self.qr else ""
        try:
            for path, octets in self._made(text):
                _create(path, octets)
                self._written.append(path)
            if self.show:
                write(text)
            if shown:
                write(shown)
        except BaseException:
            self.withdraw()
            raise

    def withdraw(self) -> None:
        """Take away what was written: the device is not on record."""
        while self._written:
            with suppress(OSError):
                self._written.pop().unlink()

    def _made(self, text: str) -> Iterator[tuple[Path, bytes]]:
        """Yield what goes into each file."""
        if self.file:
            yield self.file, text.encode()
        if self.png or self.svg:
            from vpn.wireguard import qr

            drawn = ((self.png, qr.qr_png), (self.svg, qr.qr_svg))
            yield from ((path, draw(text)) for path, draw in drawn if path)

    def tell(self, *, quick: bool = True) -> None:
        """Tell the person what was written; quick files are for wg-quick."""
        for path in self._paths():
            say(f"wrote {path}")
        if quick and self.file and (fault := quick_name_fault(self.file.name)):
            say(f"{fault}; rename it where it is used")

    def _paths(self) -> tuple[Path, ...]:
        return tuple(path for path in (self.file, self.png, self.svg) if path)


def _picture(text: str) -> str:
    """Return a QR code for the terminal. Raises UsageProblem where its lines would be broken."""
    from vpn.wireguard import qr

    drawn = qr.qr_terminal(text)
    wide, columns = qr.qr_columns(text), get_terminal_size().columns
    if sys.stdout.isatty() and wide > columns:
        raise UsageProblem(
            f"the QR code has {wide} columns and this terminal {columns}, so no camera could read "
            "it; nothing was done; widen the terminal or use a smaller font, or say --png FILE"
        )
    return drawn


def _create(path: Path, octets: bytes) -> None:
    """Write a file for its owner alone, on the disk before this returns. Raises OSError."""
    with atomic.new_file(path) as write_octets:
        write_octets(octets)


@contextmanager
def held(path: Path) -> Iterator[Callable[[bytes], None]]:
    """Have a file of its owner's alone ready, yield what writes it, and take it away upon errors.

    Raises UsageProblem when it is there already, and OSError.
    """
    Delivery(path).free()
    with atomic.new_file(path) as write_octets:
        yield write_octets
