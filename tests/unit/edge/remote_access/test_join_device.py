"""A device joins from the field: both ends and a gateway's rendezvous, over real sockets."""

import base64
import json

import pytest

from controller.access.invitation import PATIENCE_S, InvitationSession
from edge.remote_access import join_code, join_payload, sas
from edge.remote_access.join_code import Invitation
from edge.remote_access.join_device import Sas, WithdrawnError
from edge.remote_access.mailbox import JOINING_S, State
from inventory.errors import AccessError, EdgeError, IntentError, UnreachableError
from tests.rigs.people import field_rig
from tests.rigs.people.field_rig import FILE, PSK, Hasty, beside, free_port, joining, line, visit
from vpn.model import Endpoint
from vpn.wireguard import keys, parser


@pytest.fixture
def gate():
    with field_rig.gate() as made:
        yield made


def come(asker, opened):
    """Have a device come to an invitation; return it, and the desk's guest."""
    device = joining(opened.invited, asker)
    with beside(device.words) as words:
        guest = opened.guest()
        words()
    return device, guest


def test_a_device_that_is_let_in_has_its_file_with_a_key_that_nobody_else_saw(gate):
    opened = visit(gate)
    with line(opened.invited) as asker:
        device = joining(opened.invited, asker)
        with beside(device.words) as words:
            guest = opened.guest()
            assert Sas(guest.words, guest.back) == words()
        with beside(device.config) as config:
            opened.hand(guest, FILE)
            made = config()
        with beside(device.written):
            opened.written(guest)
        with beside(device.let_in) as let_in:
            opened.done(guest, let_in=True)
            assert let_in() is True
    private, expected = made.private_key, parser.parse_config(FILE, "it")
    assert keys.public_of(private) == guest.key
    assert (made.peers, made.addresses, made.dns) == (
        expected.peers, expected.addresses, expected.dns,
    )  # fmt: skip
    # Nothing of it passed the gateway in a form that it could read.
    passed = json.dumps(gate.asked) + "".join(map(str, gate.rendezvous._boxes._boxes.values()))
    for secret in (private.reveal(), PSK.reveal(), "172.26.0.5", opened.invited.code[-24:]):
        assert secret not in passed
    assert opened.state is State.DONE


def test_a_code_serves_once(gate):
    opened = visit(gate)
    with line(opened.invited) as asker, beside(joining(opened.invited, asker).words) as words:
        guest = opened.guest()
        words()
    with line(opened.invited) as asker, pytest.raises(EdgeError, match="used before"):
        joining(opened.invited, asker).words()
    for late in (lambda: opened.hand(guest, FILE), lambda: opened.written(guest)):
        with pytest.raises(AccessError, match="used twice"):
            late()
    opened.close()
    assert opened.state is State.WITHDRAWN


def test_a_code_expires(gate):
    opened = visit(gate)
    for gate.now_s in (*range(0, 600, 60), 599.9):
        gate.rendezvous.asked(look(opened))
    assert float(gate.rendezvous.asked(look(opened))["left_s"]) == pytest.approx(0.1)
    gate.now_s = 600.0
    with line(opened.invited) as asker, pytest.raises(EdgeError, match="code has expired"):
        joining(opened.invited, asker).words()
    with pytest.raises(AccessError, match="code has expired"):
        opened.guest()


def look(opened):
    return json.dumps({"do": "look", "name": opened.invited.name, "have": 0, "leave": []})


def test_a_device_is_told_that_it_was_turned_away(gate):
    opened = visit(gate)
    with line(opened.invited) as asker:
        device, _ = come(asker, opened)
        with beside(device.config) as config:
            opened.close()
            with pytest.raises(EdgeError, match="took the invitation back"):
                config()


def test_whoever_knows_the_code_and_stands_between_is_betrayed_by_the_words(gate):
    """The owner's device speaks to the thief's gateway, and the thief's device to ours."""
    ours = visit(gate)
    with field_rig.gate() as theirs:
        chance = ours.invited.chance
        trap = InvitationSession(
            theirs, Invitation(Endpoint("127.0.0.1", free_port()), chance), Hasty()
        )
        trap.open()
        with line(trap.invited) as one, line(ours.invited) as other:
            owner, thief = joining(trap.invited, one), joining(ours.invited, other)
            with beside(owner.words) as read, beside(thief.words):
                caught = trap.guest()
                guest = ours.guest()
            words = read()
            assert words == Sas(caught.words, caught.back)
            assert words.said != guest.words
            assert words.back != guest.back


def test_whoever_knows_the_code_and_carries_it_all_on_cannot_put_in_a_file_afterwards(gate):
    """The words agree, since nothing was changed; then the thief would take the desk's place."""
    opened = visit(gate)
    with line(opened.invited) as asker:
        device = joining(opened.invited, asker)
        with beside(device.words) as words:
            guest = opened.guest()
            assert words().said == guest.words
        # All that passed is known: both public keys, the nonce, the code.
        request, *_ = (one for one in gate.asked if one.get("leave"))
        (desk_key,), (thief, _) = request["leave"], keys.generate_pair()
        boxes = gate.rendezvous._boxes._boxes
        told = json.loads(boxes[opened.invited.name].said[0])
        digest = join_code.transcript(
            boxes[opened.invited.name].who, desk_key, told["key"], bytes.fromhex(told["nonce"])
        )
        assert sas.device_words(digest) == guest.words
        keys_to_try = [opened.invited.end_key(thief, key, digest) for key in (desk_key, guest.key)]
        with beside(device.config) as config:
            opened._leave += join_payload.seal_file(FILE, keys_to_try[0], guest.key)
            opened._look()
            with pytest.raises(EdgeError, match="not what the other end sent"):
                config()
        packed = join_payload.seal_file(FILE, keys_to_try[1], guest.key)
        with pytest.raises(EdgeError, match="not what the other end sent"):
            join_payload.open_file(packed, device._end_key, device._private)
        # The control: with the key of those whose words agree, it is taken.
        packed = join_payload.seal_file(FILE, guest.end_key, guest.key)
        assert join_payload.open_file(packed, device._end_key, device._private) == FILE
        with pytest.raises(EdgeError, match="not what the other end sent"):
            join_payload.open_file(packed, device._end_key, thief)


@pytest.mark.parametrize(
    ("pieces", "what"),
    [
        (["x"], "not what the other end sent"),
        (["0 abc"], "not what the other end sent"),
        (["99 abc"], "not what the other end sent"),
        (["1 !!!"], "not what the other end sent"),
        (["1 YWJj"], "not what the other end sent"),
    ],
    ids=range(5),
)
def test_what_is_no_file_is_refused(gate, pieces, what):
    opened = visit(gate)
    with line(opened.invited) as asker:
        device, _ = come(asker, opened)
        with beside(device.config) as config:
            opened._leave += pieces
            opened._look()
            with pytest.raises(EdgeError, match=what):
                config()


def test_commands_in_a_file_are_refused_even_from_the_administrator(gate):
    opened = visit(gate)
    with line(opened.invited) as asker:
        device, guest = come(asker, opened)
        with beside(device.config) as config:
            opened.hand(guest, FILE.replace("MTU = 1280", "PostUp = touch /tmp/x"))
            with pytest.raises(IntentError, match="PostUp"):
                config()


def test_a_device_that_says_something_else_than_it_committed_to_is_turned_away(gate):
    opened = visit(gate)
    with line(opened.invited) as asker:
        device = joining(opened.invited, asker)
        device._nonce = bytes(32)
        with beside(device.words) as words:
            with pytest.raises(AccessError, match="does not follow the protocol"):
                opened.guest()
            with pytest.raises(EdgeError, match="committed"):
                words()


@pytest.mark.parametrize(
    "told",
    [
        "x" * 900,
        "[]",
        "{",
        '{"key": 7, "nonce": ""}',
        '{"key": "' + "A" * 43 + '=", "nonce": "00"}',
    ],
    ids=range(5),
)
def test_what_a_strange_device_says_is_refused(gate, told):
    opened = visit(gate)
    with line(opened.invited) as asker, beside(opened.guest) as guest:
        while asker.ask({"who": "a", "have": 0}).get("more") is None:
            pass
        asker.ask({"who": "a", "have": 1, "say": told, "at": 0})
        with pytest.raises(AccessError, match="does not follow the protocol"):
            guest()


def test_a_device_that_goes_away_has_nothing(gate):
    opened = visit(gate)
    with line(opened.invited) as asker:
        _, guest = come(asker, opened)
    opened.hand(guest, FILE)

    def later(_left_s):
        gate.now_s += 1.0

    with pytest.raises(AccessError, match="code has expired"):
        opened.written(guest, later)


def missing(gate, times):
    """Let a gateway be out of reach the next times; return what says how often it yet will be."""
    real, left = gate.join, [times]

    def sometimes(request):
        if left[0]:
            left[0] -= 1
            raise UnreachableError("gw", "timed out")
        return real(request)

    gate.join = sometimes
    return left


def test_the_desk_bears_a_gateway_that_is_out_of_reach_for_a_while(gate):
    opened = visit(gate)
    left = missing(gate, 7)
    with line(opened.invited) as asker:
        _, guest = come(asker, opened)
    # However long people spoke before, it is borne with again.
    opened._clock.elapsed += 10 * PATIENCE_S
    left[0] = 3
    opened.hand(guest, FILE)
    left[0] = int(PATIENCE_S) + 10
    with pytest.raises(UnreachableError):
        opened.written(guest)


def test_a_device_that_is_on_record_is_never_told_otherwise(gate):
    opened = visit(gate)
    with line(opened.invited) as asker:
        device, guest = come(asker, opened)
        opened.entered(lambda: None)
        left = missing(gate, int(PATIENCE_S) + 10)
        with pytest.raises(UnreachableError):
            opened.done(guest, let_in=True)
        left[0] = 0
        assert not opened.close()
        assert opened.state is State.OPEN
        gate.now_s = JOINING_S + 1
        with pytest.raises(EdgeError, match="code has expired") as caught:
            device.let_in()
        assert not isinstance(caught.value, WithdrawnError)
        # A moment out of reach delays the news and loses nothing.
    gate.now_s = 0.0
    opened = visit(gate)
    with line(opened.invited) as asker:
        device, guest = come(asker, opened)
        left[0] = 5
        opened.done(guest, let_in=True)
        assert device.let_in() is True


def test_a_device_that_could_not_be_put_on_record_is_told_so(gate):
    opened = visit(gate)

    def refuse():
        raise AccessError("somebody else changed it")

    with line(opened.invited) as asker:
        device, _ = come(asker, opened)
        with pytest.raises(AccessError, match="somebody else"):
            opened.entered(refuse)
        assert opened.close()
        with pytest.raises(WithdrawnError, match="took the invitation back"):
            device.let_in()


@pytest.mark.parametrize(
    "forged", ["written", "\ud800", join_payload.tag_word("written", bytes(32))], ids=range(3)
)
def test_nobody_but_the_device_says_that_it_has_its_file(gate, forged):
    opened = visit(gate)
    with line(opened.invited) as asker:
        device, guest = come(asker, opened)
        told = {"who": device._committed, "have": 1, "say": forged, "at": 1}
        assert asker.ask(told)["got"] == 2
    with pytest.raises(AccessError, match="does not follow the protocol"):
        opened.written(guest)


@pytest.mark.parametrize(
    "forged", ["in", "\ud800", join_payload.tag_word("in", bytes(32))], ids=range(3)
)
def test_nobody_but_the_desk_says_that_a_device_is_let_in(gate, forged):
    opened = visit(gate)
    with line(opened.invited) as asker:
        device, _ = come(asker, opened)
        gate.join({"do": "end", "name": opened.invited.name, "state": "done", "last": forged})
        with pytest.raises(EdgeError, match="not what the other end sent"):
            device.let_in()


def test_news_that_comes_too_late_is_told_to_the_administrator(gate):
    opened = visit(gate)
    with line(opened.invited) as asker:
        _, guest = come(asker, opened)
    gate.now_s = 2 * JOINING_S
    with pytest.raises(AccessError, match="had ended by then"):
        opened.done(guest, let_in=True)


def test_the_file_takes_as_long_as_it_takes_after_each_step(gate):
    opened = visit(gate)
    with line(opened.invited) as asker:
        gate.now_s = 100.0
        device, guest = come(asker, opened)
        opened.hand(guest, FILE)
        device.config()
        gate.now_s += JOINING_S - 1
        device.written()
        gate.now_s += JOINING_S - 1
        opened.written(guest)
        opened.done(guest, let_in=True)
        assert device.let_in()


def test_a_gateway_that_was_started_anew_is_told_of(gate):
    opened = visit(gate)
    opened.invited = join_code.new_invitation(opened.invited.where)
    with pytest.raises(EdgeError, match="make another one"):
        opened.guest()


def test_two_invitations_at_a_time_do_not_meet(gate):
    port = free_port()
    one, other = visit(gate, port=port), visit(gate, port=port)
    with (
        line(one.invited) as first,
        line(other.invited) as second,
        beside(joining(one.invited, first).words) as said,
        beside(joining(other.invited, second).words) as told,
    ):
        guests = one.guest(), other.guest()
        assert [said().said, told().said] == [guest.words for guest in guests]
    assert guests[0].key != guests[1].key


def test_what_a_desk_asks_wrongly_is_refused(gate):
    key = base64.b64encode(bytes(32)).decode()
    good = {"do": "open", "name": "00", "key": key, "port": 1, "lasts_s": 1}
    wrong = [{**good, **other} for other in ({"name": "zz"}, {"key": "AA=="}, {"port": 1e999},
             {"port": 0}, {"lasts_s": float("nan")})]  # fmt: skip
    look = {"do": "look", "name": "00", "have": 1e999, "leave": []}
    for request in ({}, {"do": "x"}, *wrong, {"do": "look", "name": "00"}, look):
        with pytest.raises((KeyError, ValueError, EdgeError)):
            gate.join(request)


@pytest.mark.parametrize(
    "wrong",
    [{"left_s": "x"}, {"rivals": None}, {"rivals": float("inf")}, {"state": "x"}, {"said": 7}],
    ids=range(5),
)
def test_what_a_gateway_says_wrongly_is_told(gate, wrong):
    opened, real = visit(gate), gate.join
    gate.join = lambda request: {**real(request), **wrong}
    with pytest.raises(AccessError, match="makes no sense; update the edge's program"):
        opened.guest()


def test_ports_of_two_policies_stand_side_by_side(gate):
    one, other = visit(gate), visit(gate)
    for opened in (one, other):
        with line(opened.invited) as asker:
            assert asker.ask({"who": "a", "have": 0})["state"] == "open"
