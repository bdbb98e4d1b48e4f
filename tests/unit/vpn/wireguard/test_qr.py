"""QR codes, read back by a decoder that is not ours."""

import io
import re
from xml.etree import ElementTree

import pytest
import zxingcpp
from PIL import Image

from tests.rigs.people.people_rig import GATEWAYS, NGONO, TERMS
from vpn.model import PersonDevice
from vpn.people import device_config
from vpn.wireguard import keys, qr
from vpn.wireguard.config import render_config

DEVICE = PersonDevice(NGONO.name, "tablet", 12345, keys.public_of(keys.generate_private()))
SCALE = 6
FILE = render_config(
    device_config.device_config(
        TERMS, DEVICE, GATEWAYS[0], keys.generate_preshared(), keys.generate_private()
    ),
    remark="réseau: tablette de Dr A. Ngono",
)


def read(picture):
    (found,) = zxingcpp.read_barcodes(picture)
    return found.text


def blocks(text):
    """Return the picture that half blocks make on a terminal."""
    lines = [line for line in text.splitlines() if line]
    inks = {" ": (0, 0), "\u2580": (255, 0), "\u2584": (0, 255), "\u2588": (255, 255)}
    rows = []
    for line in lines:
        pairs = [inks[letter] for letter in line]
        rows += [[upper for upper, _ in pairs], [lower for _, lower in pairs]]
    picture = Image.new("L", (len(rows[0]), len(rows)))
    picture.putdata([ink for row in rows for ink in row])
    return picture.resize((picture.width * 6, picture.height * 6), Image.Resampling.NEAREST)


def test_png_decodes_to_exactly_the_file():
    assert read(Image.open(io.BytesIO(qr.qr_png(FILE)))) == FILE


def test_another_file_has_another_code():
    assert read(Image.open(io.BytesIO(qr.qr_png(FILE + "#")))) != FILE


def drawn(svg):
    """Return the picture of an SVG whose one path has horizontal strokes of one module's height."""
    root = ElementTree.fromstring(svg)  # noqa: S314 - it reads our own
    (path,) = [element for element in root.iter() if element.get("d", "").startswith("M")]
    size = int(root.attrib["width"]) // SCALE
    picture = Image.new("L", (size, size), 255)
    x, y = 0.0, 0.0
    for kind, numbers in re.findall(r"([Mmh])([^Mmh]*)", path.attrib["d"]):
        values = [float(number) for number in re.findall(r"-?[0-9.]+", numbers)]
        if kind == "h":
            for column in range(round(x), round(x + values[0])):
                picture.putpixel((column, int(y)), 0)
            x += values[0]
        else:
            x, y = (values[0], values[1]) if kind == "M" else (x + values[0], y + values[1])
    return picture.resize((size * SCALE, size * SCALE), Image.Resampling.NEAREST)


def test_svg_shows_the_same_code():
    assert read(drawn(qr.qr_svg(FILE))) == FILE


@pytest.mark.parametrize("text", [FILE, "x"])
def test_terminal_shows_the_same_code(text):
    assert read(blocks(qr.qr_terminal(text))) == text
