"""A report for a terminal: sentences and aligned columns."""

from collections.abc import Iterator, Sequence

from controller.report_formats.cells import NUMERIC, cell_text
from controller.reports.document import Document, Kind, Section


def render_text(document: Document) -> str:
    """Return a report as lines of text."""
    head = [document.title, document.subtitle, "", document.headline, ""]
    width = max((len(label) for label, _ in document.facts), default=0)
    facts = [f"{label.ljust(width)}  {value}" for label, value in document.facts]
    tables = (line for section in document.sections for line in _section(section, document))
    return "\n".join([*head, *facts, *tables, "", document.footer]) + "\n"


def _section(section: Section, document: Document) -> Iterator[str]:
    yield from ("", section.title, "-" * len(section.title), *section.lines)
    if not section.rows:
        yield from (section.empty,) if section.empty else ()
        return
    kept = [(n, one) for n, one in enumerate(section.columns) if one.kind is not Kind.BAR]
    texts = [[cell_text(row[n], one, document.words) for n, one in kept] for row in section.rows]
    lines = [[one.heading for _, one in kept], *texts]
    right = [one.kind in NUMERIC for _, one in kept]
    yield from _aligned(lines, right)


def _aligned(lines: Sequence[Sequence[str]], right: Sequence[bool]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = zip(line, widths, right, strict=True)
        padded = (text.rjust(width) if r else text.ljust(width) for text, width, r in cells)
        yield "  ".join(padded).rstrip()
