"""A report as PDF: A4 on its long side, headings repeated on every page, fonts within the file."""

from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import escape

from reportlab.graphics.shapes import Drawing, Rect
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import getRegisteredFontNames, registerFont
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import KeepTogether, Paragraph, SimpleDocTemplate, Spacer, Table

from controller.report_formats.cells import NUMERIC, cell_text
from controller.reports.document import Cell, Column, Document, Kind, Section
from inventory.errors import ExtraError, how_to_install

_FONT, _BOLD = "DejaVuSans", "DejaVuSans-Bold"
_MARGIN: Final = 14 * mm
_SIZE: Final = landscape(A4)
_WIDTH: Final = _SIZE[0] - 2 * _MARGIN
_BAR: Final = (28 * mm, 3 * mm)
_INK, _SOFT, _LINE, _BAND = (HexColor(h) for h in ("#16202a", "#51606e", "#b9c3cc", "#eef2f6"))
_FILLS: Final = {
    "ok": HexColor("#1f7a4d"),
    "degraded": HexColor("#d08a00"),
    "unreachable": HexColor("#c2410c"),
    "down": HexColor("#9b1c2e"),
    "unknown": HexColor("#c3cad1"),
    "maintenance": HexColor("#3166b8"),
}
_FACTS_PER_LINE: Final = 6


def _style(name: str, font: str, size: float, **more: Any) -> ParagraphStyle:
    given = {"leading": size * 1.3, "textColor": _INK, **more}
    return ParagraphStyle(name, fontName=font, fontSize=size, **given)


_TITLE: Final = _style("title", _BOLD, 17)
_SUBTITLE: Final = _style("subtitle", _FONT, 9, textColor=_SOFT, spaceAfter=6)
_HEADLINE: Final = _style("headline", _FONT, 11, spaceAfter=8, backColor=_BAND, borderPadding=5)
_HEADING: Final = _style("heading", _BOLD, 11.5, spaceBefore=10, spaceAfter=3)
_TEXT: Final = _style("text", _FONT, 7.5)
_STRONG: Final = _style("strong", _BOLD, 7.5)
_HEAD: Final = _style("head", _BOLD, 6.5, textColor=_SOFT)
_HEAD_RIGHT: Final = _style("head-right", _BOLD, 6.5, textColor=_SOFT, alignment=2)
_RIGHT: Final = _style("right", _FONT, 7.5, alignment=2)
_LABEL: Final = _style("label", _FONT, 7, textColor=_SOFT)
_NOTE: Final = _style("note", _FONT, 7.5, textColor=_SOFT, spaceAfter=3)


def render_pdf(document: Document) -> bytes:
    """Return a report as a PDF file; the same report gives the same octets.

    Raises ExtraError where the font is missing.
    """
    _use_font()
    out = BytesIO()
    template = SimpleDocTemplate(
        out,
        pagesize=_SIZE,
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=_MARGIN,
        bottomMargin=_MARGIN + 4 * mm,
        title=document.title,
        author="Sanaga",
        subject=document.headline,
        lang=document.language.value,
        invariant=1,
    )
    template.build([*_head(document), *_body(document)], canvasmaker=_numbered(document))
    return out.getvalue()


def _use_font() -> None:
    """Register a font that has the letters of Cameroon's languages; it comes with matplotlib."""
    if _FONT in getRegisteredFontNames():
        return
    found = find_spec("matplotlib")
    if found is None or not found.submodule_search_locations:
        raise ExtraError(
            f"a PDF needs the font that comes with matplotlib; {how_to_install('service')}"
        )
    folder = Path(found.submodule_search_locations[0]) / "mpl-data" / "fonts" / "ttf"
    for name in (_FONT, _BOLD):
        registerFont(TTFont(name, str(folder / f"{name}.ttf")))


def _paragraph(text: str, style: ParagraphStyle) -> Paragraph:
    """Return a paragraph of plain text; what looks like markup is shown as it is."""
    return Paragraph(escape(text), style)


def _head(document: Document) -> Iterator[Any]:
    yield _paragraph(document.title, _TITLE)
    yield _paragraph(document.subtitle, _SUBTITLE)
    yield _paragraph(document.headline, _HEADLINE)
    yield Spacer(1, 4)
    cells = [
        [_paragraph(label, _LABEL), _paragraph(value, _STRONG)] for label, value in document.facts
    ]
    lines = [cells[at : at + _FACTS_PER_LINE] for at in range(0, len(cells), _FACTS_PER_LINE)]
    if lines:
        widths = [_WIDTH / _FACTS_PER_LINE] * _FACTS_PER_LINE
        filled = [[*line, *[""] * (_FACTS_PER_LINE - len(line))] for line in lines]
        yield Table(filled, colWidths=widths, style=[("VALIGN", (0, 0), (-1, -1), "TOP")])


def _body(document: Document) -> Iterator[Any]:
    for section in document.sections:
        notes = [_paragraph(line, _NOTE) for line in section.lines]
        yield KeepTogether([_paragraph(section.title, _HEADING), *notes])
        if section.rows:
            yield _table(section, document)
        elif section.empty:
            yield _paragraph(section.empty, _TEXT)


def _table(section: Section, document: Document) -> Table:
    columns = section.columns
    heads = [
        _paragraph(one.heading, _HEAD_RIGHT if one.kind in NUMERIC else _HEAD) for one in columns
    ]
    rows = [
        [
            _drawn(value, one, document, first=not n)
            for n, (value, one) in enumerate(zip(row, columns, strict=True))
        ]
        for row in section.rows
    ]
    style = [
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LINEBELOW", (0, 0), (-1, 0), 1, _SOFT),
        ("LINEBELOW", (0, 1), (-1, -1), 0.4, _LINE),
        ("LEFTPADDING", (0, 0), (-1, -1), 3),
        ("RIGHTPADDING", (0, 0), (-1, -1), 4),
        ("TOPPADDING", (0, 0), (-1, -1), 2),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
    ]
    return Table([heads, *rows], colWidths=_widths(columns), repeatRows=1, style=style)


_WIDE: Final = {"site": 4.2, "region": 1.5, "sites": 1.3, "finding": 9.0, "why": 7.0, "stage": 1.2}
_SHARES: Final = {Kind.BAR: 3.1, Kind.STATE: 1.9, Kind.TEXT: 3.6}


def _widths(columns: Sequence[Column]) -> list[float]:
    """Return the widths of columns, which fill the page; sentences get what others leave."""
    parts = [_WIDE.get(one.key) or _SHARES.get(one.kind, 1.8) for one in columns]
    return [_WIDTH * part / sum(parts) for part in parts]


def _drawn(value: Cell, column: Column, document: Document, *, first: bool) -> Any:
    if column.kind is Kind.BAR and isinstance(value, tuple):
        return _bar(value)
    text = cell_text(value, column, document.words)
    if column.kind in NUMERIC:
        return _paragraph(text, _RIGHT)
    return _paragraph(text, _STRONG if first or column.kind is Kind.STATE else _TEXT)


def _bar(parts: tuple[tuple[str, float], ...]) -> Drawing:
    width, height = _BAR
    drawing, at = Drawing(width, height + 2), 0.0
    for name, share in parts:
        if share > 0:
            drawing.add(
                Rect(at, 0, share * width, height, fillColor=_FILLS[name], strokeColor=None)
            )
            at += share * width
    drawing.add(Rect(0, 0, width, height, fillColor=None, strokeColor=_SOFT, strokeWidth=0.4))
    return drawing


def _numbered(document: Document) -> Any:
    """Return a canvas that writes on each page which of how many it is."""

    class Numbered(Canvas):  # type: ignore[misc]  # the library tells no types
        """Keeps pages until their number is known."""

        def __init__(self, *given: Any, **named: Any) -> None:
            super().__init__(*given, **named)
            self._kept: list[dict[str, Any]] = []

        def showPage(self) -> None:  # noqa: N802 - named by the library
            """Keep a page."""
            self._kept.append(dict(self.__dict__))
            self._startPage()

        def save(self) -> None:
            """Write all pages."""
            for number, page in enumerate(self._kept, 1):
                self.__dict__.update(page)
                self._foot(number)
                super().showPage()
            super().save()

        def _foot(self, number: int) -> None:
            words, y = document.words, 9 * mm
            self.setFont(_FONT, 7)
            self.setFillColor(_SOFT)
            self.drawString(_MARGIN, y, document.footer)
            text = words["page"].format(page=number, pages=len(self._kept))
            self.drawRightString(_SIZE[0] - _MARGIN, y, text)

    return Numbered
