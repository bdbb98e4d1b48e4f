"""Handing over a file: a terminal that cannot show it is told so before anything is done."""

import sys

import pytest

from controller.cli_vpn.delivery import Delivery
from controller.terminal.output import UsageProblem
from tests.rigs.people.people_rig import ACT, NGONO, make_registrar
from vpn.wireguard import qr

TEXT = "[Interface]\nPrivateKey = " + "x" * 300
WIDE = 73


@pytest.fixture
def terminal(monkeypatch):
    """Return how to have a terminal of so many columns."""

    def of(columns: int) -> None:
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        monkeypatch.setenv("COLUMNS", str(columns))

    return of


def test_width_of_a_code_is_that_of_its_lines(capsys, terminal):
    terminal(200)
    Delivery(qr=True).hand(TEXT)
    assert {len(line) for line in plain(capsys.readouterr().out)} == {qr.qr_columns(TEXT)} == {WIDE}


def test_code_that_is_too_wide_is_refused_and_nothing_is_written(tmp_path, capsys, terminal):
    terminal(WIDE - 1)
    with pytest.raises(UsageProblem, match=f"{WIDE} columns and this terminal {WIDE - 1}"):
        Delivery(file=tmp_path / "tablet.conf", qr=True).hand(TEXT)
    assert not [*tmp_path.iterdir()]
    assert capsys.readouterr().out == ""


def test_code_of_just_the_width_is_shown(capsys, terminal):
    terminal(WIDE)
    Delivery(qr=True).hand(TEXT)
    assert capsys.readouterr().out


def test_device_whose_code_is_refused_is_not_on_record(tmp_path, terminal):
    terminal(20)
    registrar = make_registrar(tmp_path)
    with pytest.raises(UsageProblem, match="nothing was done"):
        registrar.add(NGONO, "tablet", ACT, lambda _: Delivery(qr=True).hand(TEXT))
    assert registrar.store.entries() == ()
    registrar.close()


def plain(text):
    """Return the lines of a code without what colours them."""
    lines = text.replace("\x1b[0m", "").splitlines()
    return [line.replace("\x1b[7m", "").replace("\x1b[49m", "") for line in lines if line]
