"""How pages are made: templates, the words of a language, times, and what a page may load."""

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from fastapi import Request, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from accounts.roles import Origin
from controller.api.context import Viewer
from controller.api.instants import rfc3339
from controller.web import words
from controller.web.assets import PATH, assets_version, zipped_response
from controller.web.language import Speech, chosen_language

CAMEROON: Final = ZoneInfo("Africa/Douala")
_TEMPLATES: Final = Path(__file__).parent / "templates"
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": _POLICY,
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
}


@dataclass(frozen=True, slots=True)
class Page:
    """What is shown: a template, the section of the navigation, and the status of the answer."""

    template: str
    section: str
    status: HTTPStatus = HTTPStatus.OK


def render(
    request: Request, page: Page, values: Mapping[str, Any], reader: Viewer | None = None
) -> Response:
    """Return a page, or the part of it that the request asks for."""
    octets = render_text(request, page, values, reader).encode()
    made = zipped_response(request, octets, gzip.compress(octets, 6), _HTML, HEADERS)
    made.status_code = page.status
    return made


def render_text(
    request: Request, page: Page, values: Mapping[str, Any], reader: Viewer | None = None
) -> str:
    """Return the text of a page, or of the part of it that the request asks for."""
    template, part = _template(page.template), request.query_params.get("part", "")
    given = {**values, **_surroundings(request, page, reader)}
    if part in template.blocks:
        context = template.new_context(given)
        return "".join(template.blocks[part](context))
    return template.render(given)


_HTML: Final = "text/html; charset=utf-8"


def _surroundings(request: Request, page: Page, reader: Viewer | None) -> dict[str, Any]:
    speech = Speech(chosen_language(request))
    context = request.app.state.context
    return {
        "t": speech.text,
        "tn": speech.count,
        "number": speech.number,
        "word": lambda kind, value: speech.text(words.WORDS[kind].get(value, value)),
        "glyph": words.GLYPHS.__getitem__,
        "when": _moment,
        "lasting": _lasting,
        "language": speech.language.value,
        "assets": f"{PATH}/{assets_version()}",
        "section": page.section,
        "here": request.url.path,
        "query": request.query_params,
        "network": context.intent.network.name,
        "laboratory": getattr(request.app.state, "laboratory", None) is not None,
        "now_s": context.now(),
        "position": request.state.position,
        "person": reader.principal.account if reader else None,
        "on_wall": reader is not None and reader.principal.origin is Origin.WALL,
        "may": partial(_may_somewhere, reader),
    }


def _may_somewhere(reader: Viewer | None, right: str) -> bool:
    return reader is not None and any(right in power.rights for power in reader.principal.powers)


def _moment(at: str | float | None) -> Markup:
    """Return an instant as the clocks of the country show it; a script adds how long ago it is."""
    if at is None:
        return Markup("")
    found = (
        datetime.fromisoformat(at) if isinstance(at, str) else datetime.fromtimestamp(at, tz=UTC)
    )
    there = found.astimezone(CAMEROON)
    return Markup('<time datetime="{}">{}</time>').format(
        rfc3339(found.timestamp()), there.strftime("%d.%m. %H:%M")
    )


def _lasting(begun_at: str, ended_at: str) -> str:
    """Return how long something lasted, from one instant to another, in either language."""
    begun, ended = map(datetime.fromisoformat, (begun_at, ended_at))
    minutes, seconds = divmod(max(0, round((ended - begun).total_seconds())), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # A part of a page, rendered alone, has no imports of its own.
    made.globals["parts"] = made.get_template("parts.html.j2").module
    return made


@cache
def _template(name: str) -> Template:
    return _environment().get_template(name)
