"""Handing over a device's file: it holds a secret, so it goes to one place that a person named."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from shutil import get_terminal_size
from typing import Annotated, Final, TypeAlias

import typer

from controller.access.devices import DeviceFiles
from controller.access.registrar import Registrar
from controller.terminal.output import Format, UsageProblem, say, write
from edge.storage import atomic
from inventory.errors import AccessError, IntentError
from vpn import key_text
from vpn.wireguard import keys, parser

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
        written: list[Path] = []
        try:
            for path, octets in self._made(text):
                _create(path, octets)
                written.append(path)
            if self.show:
                write(text)
            if shown:
                write(shown)
        except BaseException:
            for path in written:
                with suppress(OSError):
                    path.unlink()
            raise

    def _made(self, text: str) -> Iterator[tuple[Path, bytes]]:
        """Yield what goes into each file."""
        if self.file:
            yield self.file, text.encode()
        if self.png or self.svg:
            from vpn.wireguard import qr

            drawn = ((self.png, qr.qr_png), (self.svg, qr.qr_svg))
            yield from ((path, draw(text)) for path, draw in drawn if path)

    def tell(self) -> None:
        """Tell the person what was written."""
        for path in self._paths():
            say(f"wrote {path}")

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


_DRAFT: Final = ".draft"


class Drafts:
    """Files in a folder, one for each device that gets a key; without a folder there are none.

    text returns what a file says.
    """

    def __init__(self, folder: Path | None, text: Callable[[DeviceFiles], str]) -> None:
        self._folder = folder
        self._text = text
        self._files: list[Path] = []

    def deliver(self, handover: DeviceFiles) -> None:
        """Write a draft for a device whose key was made here. Raises AccessError, OSError."""
        if self._folder is None or not any(one.private_key for one in handover.files.values()):
            return
        file = self._folder / f"{handover.device.person}-{handover.device.name}.conf"
        if file.exists():
            raise AccessError(f"{file}: there already; nothing is overwritten")
        draft = file.with_name(f"{file.name}{_DRAFT}")
        Delivery(file=draft).settled().hand(self._text(handover))
        self._files.append(draft)

    def settled(self) -> None:
        """Let all drafts be files: their devices are on record."""
        for draft in self._files:
            draft.rename(draft.with_suffix(""))
        self._files.clear()

    def withdrawn(self) -> None:
        """Take all drafts away: their devices are not on record."""
        for draft in self._files:
            draft.unlink(missing_ok=True)
        self._files.clear()


def left(folder: Path) -> tuple[Path, ...]:
    """Return the drafts in a folder, which somebody who was killed left."""
    return tuple(sorted(folder.glob(f"*{_DRAFT}")))


def take_up(registrar: Registrar, drafts: Iterable[Path]) -> None:
    """Let drafts whose devices are on record be files, and remove the others. Raises OSError."""
    for draft in drafts:
        owner = registrar.store.owner(_key_in(draft))
        if owner and owner.revoked is None:
            draft.rename(draft.with_suffix(""))
        else:
            draft.unlink()


def _key_in(draft: Path) -> key_text.PublicKey:
    """Return the public key of a draft's device; nothing when the draft is torn."""
    try:
        private = parser.parse_config(draft.read_text(encoding="utf-8"), str(draft)).private_key
    except (IntentError, UnicodeDecodeError):
        return ""
    return keys.public_of(private) if private else ""
