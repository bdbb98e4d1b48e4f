"""Lines and paragraphs of a server's file: what WireGuard reads of them, and the remarks."""

import re
from dataclasses import dataclass

from vpn.wireguard import remarks


@dataclass(frozen=True, slots=True)
class Line:
    """A line: what stands before a remark, as WireGuard reads it and as it is written; the remark.

    WireGuard leaves out all blanks, within keys and values, too.
    """

    number: int
    bare: str
    written: str
    remark: str | None

    @property
    def key(self) -> str:
        """Return the key of a setting, as it is compared."""
        return self.bare.partition("=")[0].lower()

    @property
    def blank(self) -> bool:
        """Return whether nothing stands on the line."""
        return not self.bare and self.remark is None


def file_lines(text: str) -> list[Line]:
    """Return the lines of a file, whatever ends them."""
    written = re.split(r"\r\n?|\n", text.removeprefix("\ufeff"))
    return [_line(number, line) for number, line in enumerate(written, 1)]


def _line(number: int, line: str) -> Line:
    if line.lstrip().startswith(";"):
        return Line(number, "", "", line.strip())
    written, sign, remark = line.partition("#")
    bare = "".join(written.split())
    return Line(number, bare, written.strip(), remark.strip() if sign else None)


def paragraphs_of(loose: list[Line]) -> list[list[str]]:
    """Return remarks by paragraph, without those of sections that were commented out."""
    said: list[list[str]] = [[]]
    for line in loose:
        if line.remark is not None:
            said[-1].append(line.remark)
        elif said[-1]:
            said.append([])
    paragraphs = said if said[-1] else said[:-1]
    # The first one may stand with the section before it.
    first = 0 if loose and loose[0].blank else 1
    for number, paragraph in enumerate(paragraphs):
        if any(map(remarks.is_commented_section, paragraph)):
            # What stands above it, between blank lines or not, may be its name.
            for one in (*paragraphs[first:number], paragraph):
                one.clear()
    return paragraphs


def without_retired(said: list[str]) -> list[str]:
    """Return the remarks above a section, unless they are lines of a peer that is no more."""
    return [] if any(map(remarks.is_commented_peer_setting, said)) else said
