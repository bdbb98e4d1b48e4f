"""An intent folder with an access policy and a gateway, for tests of the command line."""

from pathlib import Path

from tests.cli.test_cli_vpn import ACCESS
from tests.sanaga_process import Answer, Sanaga
from vpn.wireguard import keys

EDGE = """
devices:
  - name: yaounde-e1
    site: yaounde
    number: 7
    role: edge
    platform: linux
gateways:
  - {device: yaounde-e1, number: 1, endpoint: "vpn.example.cm:51820"}
"""
NGONO = ("--title", "Dr A. Ngono", "--role", "doctor", "--site", "mora", "--because", "locum")
ADD = ("vpn", "person", "add", "a-ngono", *NGONO)


def write_policy(folder: Path) -> None:
    """Write an access policy and its gateway into an intent folder."""
    (folder / "access.yaml").write_text(ACCESS, encoding="utf-8")
    (folder / "edge.yaml").write_text(EDGE, encoding="utf-8")
    public = keys.public_of(keys.generate_private())
    (folder / "edge_keys").write_text(f"yaounde-e1 {public}\n", encoding="utf-8")


def accepted(sanaga: Sanaga, small: Path) -> Path:
    """Write the policy into an intent folder and let it hold; return the folder."""
    write_policy(sanaga.folder / small)
    done = sanaga("vpn", "apply", "--dir", small, "--because", "begin")
    assert done.code == 0, done.err
    return small


def add(sanaga: Sanaga, *words: str) -> Answer:
    """Give Dr A. Ngono access."""
    return sanaga(*ADD, *words)
