"""Files that pages load: our own, and libraries that the set-up copied from npm.

All stand under one folder whose name follows from their octets, so that browsers keep them for ever
and never mix two versions.
"""

import gzip
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request, Response

from controller.api.problems import not_found
from controller.api.rights import Access, needs
from inventory.country.outline import read_outline

router: Final = APIRouter(include_in_schema=False)
PATH: Final = "/assets"
_HERE: Final = Path(__file__).parent
_FOLDERS: Final = ("static", "vendor")
_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}
_OUTLINE: Final = "outline.json"
_PARTS: Final = 100
_FOR_EVER: Final = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is sent."""

    media_type: str
    octets: bytes
    zipped: bytes


@router.get(f"{PATH}/{{version}}/{{name}}", openapi_extra=needs(Access.ANYBODY))
def send_asset(version: str, name: str, request: Request) -> Response:
    """Return a file; of another version, the present one, which is kept for no time."""
    found = assets().get(name)
    if found is None:
        raise not_found("file", name)
    headers = {"Cache-Control": _FOR_EVER if version == assets_version() else "no-cache"}
    return zipped_response(request, found.octets, found.zipped, found.media_type, headers)


def zipped_response(
    request: Request, octets: bytes, zipped: bytes, media_type: str, headers: Mapping[str, str]
) -> Response:
    """Return octets, compressed for a browser that takes them so."""
    sent = {**headers, "Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(zipped, HTTPStatus.OK, {**sent, "Content-Encoding": "gzip"}, media_type)
    return Response(octets, HTTPStatus.OK, sent, media_type)


@cache
def assets() -> Mapping[str, Asset]:
    """Return all files by name."""
    files = [one for folder in _FOLDERS for one in sorted((_HERE / folder).glob("*.*"))]
    found = {
        one.name: _asset(_TYPES[one.suffix], one.read_bytes())
        for one in files
        if one.suffix in _TYPES
    }
    return found | {_OUTLINE: _asset(_TYPES[".json"], _outline())}


@cache
def assets_version() -> str:
    """Return a name for all files together."""
    digest = hashlib.sha256()
    for name, asset in sorted(assets().items()):
        digest.update(f"{name} {len(asset.octets)}\n".encode())
        digest.update(asset.octets)
    return digest.hexdigest()[:12]


def _asset(media_type: str, octets: bytes) -> Asset:
    return Asset(media_type, octets, gzip.compress(octets, mtime=0))


def _outline() -> bytes:
    """Return the lines of the country and its regions, each as steps; none if unknown."""
    known = read_outline()
    rings = {"country": known.country, "regions": known.regions} if known else {}
    lines = {name: [_steps(ring) for ring in found] for name, found in rings.items()}
    return json.dumps(lines, separators=(",", ":")).encode()


def _steps(ring: Iterable[tuple[float, float]]) -> list[int]:
    """Return a ring of longitudes and latitudes as steps from point to point: north, then east.

    Steps are in hundredths of a degree, about a kilometre, which is less than a line of the map is
    wide; the first one is from 0, 0. They take a third of what the points take.
    """
    steps, at = list[int](), (0, 0)
    for x, y in ring:
        there = (round(y * _PARTS), round(x * _PARTS))
        if there != at:
            steps += (there[0] - at[0], there[1] - at[1])
            at = there
    return steps
