"""Files from anywhere: each is a value or a list of faults, and no fault repeats a secret."""

from ipaddress import IPv4Interface, IPv4Network, IPv6Interface, IPv6Network

from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.errors import IntentError
from tests.rigs.examples import examples
from vpn.model import Endpoint
from vpn.wireguard import config as wireguard_config
from vpn.wireguard import keys, parser
from vpn.wireguard.config import Config, PeerSection
from vpn.wireguard.keys import Secret

SECRETS = st.binary(min_size=32, max_size=32).map(Secret)
NUMBERS4 = st.integers(0, 2**32 - 1)
NUMBERS6 = st.integers(0, 2**128 - 1)
LENGTHS = st.integers(0, 32)
LENGTHS6 = st.integers(0, 128)
PREFIXES = st.one_of(
    st.builds(lambda n, p: IPv4Network((n, p), strict=False), NUMBERS4, LENGTHS),
    st.builds(lambda n, p: IPv6Network((n, p), strict=False), NUMBERS6, LENGTHS6),
)
ADDRESSES = st.one_of(
    st.builds(lambda n, p: IPv4Interface((n, p)), NUMBERS4, LENGTHS),
    st.builds(lambda n, p: IPv6Interface((n, p)), NUMBERS6, LENGTHS6),
)
ENDPOINTS = st.builds(
    Endpoint,
    st.sampled_from(["198.51.100.7", "2001:db8::7", "hub.example.cm", "a-b.c"]),
    st.integers(1, 65535),
)
WORDS = st.sampled_from(
    [
        *("[Interface]", "[Peer]", "[peer", "[]", "[Interface", "#", "=", ",", "\n", "\r\n", " "),
        *("PrivateKey", "PresharedKey", "PublicKey", "AllowedIPs", "Endpoint", "Address", "DNS"),
        *("PostUp", "SaveConfig", "true", "MTU", "ListenPort", "0.0.0.0/0", "::/0", "fe80::1%x"),
        *("1" * 400, "-1", "٣", "\x00", "\u2028", "10.0.0.1/8", "[::1]:1", ":1", "a" * 300 + ":1"),
    ]
)


def unique(peers: list[PeerSection]) -> tuple[PeerSection, ...]:
    taken: set[object] = set()
    kept = []
    for peer in peers:
        if taken.isdisjoint({peer.public_key, *peer.allowed}):
            taken |= {peer.public_key, *peer.allowed}
            kept.append(peer)
    return tuple(kept)


def not_its_own_peer(config: Config) -> bool:
    own = keys.public_of(config.private_key) if config.private_key else None
    return own not in {peer.public_key for peer in config.peers}


CONFIGS = st.builds(
    Config,
    private_key=st.none() | SECRETS,
    addresses=st.lists(ADDRESSES, max_size=4).map(tuple),
    peers=st.lists(
        st.builds(
            PeerSection,
            public_key=SECRETS.map(keys.public_of),
            allowed=st.lists(PREFIXES, max_size=4, unique=True).map(tuple),
            endpoint=st.none() | ENDPOINTS,
            preshared_key=st.none() | SECRETS,
            keepalive_s=st.integers(0, 65535),
        ),
        max_size=5,
    ).map(unique),
    listen_port=st.none() | st.integers(0, 65535),
    mtu=st.none() | st.integers(576, 65535),
    dns=st.lists(st.sampled_from(["172.16.0.1", "fd00::1", "internal"]), max_size=3).map(tuple),
).filter(not_its_own_peer)


def faults_of(text: str) -> str:
    try:
        parser.parse_config(text, "x")
    except IntentError as refused:
        return str(refused)
    return ""


@given(CONFIGS, st.text(max_size=40))
def test_what_is_written_is_read_again(config, remark):
    assert parser.parse_config(wireguard_config.render_config(config, remark=remark), "x") == config


@given(st.one_of(st.text(), st.lists(WORDS, max_size=60).map("".join)))
@settings(max_examples=examples(2000))
def test_any_text_is_a_value_or_faults(text):
    faults_of(text)


@given(st.data(), SECRETS)
@settings(max_examples=examples(1000))
def test_no_fault_repeats_a_secret(data, secret):
    text = secret.reveal()
    where = [text, f" {text}", f"={text}", f" = {text} x", f": {text}", f"= {text},{text}"]
    lines = st.lists(st.builds(str.__add__, WORDS, st.sampled_from(where)), max_size=6)
    body = "\n".join(["[Interface]", *data.draw(lines), "[Peer]", *data.draw(lines)])
    assert text.rstrip("=")[:24] not in faults_of(body)
