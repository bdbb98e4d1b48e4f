"""Laws of access over the VPN, and of the sentences that test it."""

from dataclasses import replace
from ipaddress import ip_address, ip_network

from hypothesis import given
from hypothesis import strategies as st

from inventory.documents.messages import Misread
from inventory.model import Ports, Segment
from tests.factories import hierarchy
from tests.rigs.people.people_rig import opened_to
from vpn.grants import access, expectations
from vpn.grants.access import answer_access, destinations, groups_of, places_above
from vpn.grants.expectations import Sentence
from vpn.model import AccessPolicy, Grant, Group, Person, ServiceHost
from vpn.people.roster import roster_sources

INTENT = hierarchy(regions=2, departments=2, arrondissements=2)
ROLES = ("oncologist", "nurse", "engineer")
SITES = tuple(INTENT.sites)
SERVICES = ("records", "imaging", "portal")
HOSTS = tuple(
    ServiceHost(name, "yaounde", (ip_address(f"10.0.3.{140 + n}"),), (Ports("tcp", 443, 443),))
    for n, name in enumerate(SERVICES)
)

roles, sites = st.sampled_from(ROLES), st.sampled_from(SITES)
services, segments = st.sampled_from(SERVICES), st.sampled_from(Segment)
groups = st.lists(st.builds(Group, st.sampled_from("abcd"), st.just("A"), roles, sites), max_size=4)
names = st.sampled_from("abcd")
grants = st.builds(
    Grant, names, st.lists(services, min_size=1).map(tuple), st.just("needed")
) | st.builds(
    Grant,
    names,
    st.lists(segments, min_size=1).map(tuple),
    st.just("needed"),
    st.lists(sites, max_size=2).map(tuple),
)
policies = st.builds(
    AccessPolicy,
    groups.map(lambda found: tuple({group.name: group for group in found}.values())),
    st.lists(grants, max_size=6).map(tuple),
    st.just(HOSTS),
)
people = st.builds(Person, st.just("somebody"), st.just("Somebody"), roles, sites)
targets = services | segments
sentences = st.builds(Sentence, roles, sites, targets, st.none() | sites, st.booleans())


def reached(policy: AccessPolicy, person: Person) -> set[tuple[str, str]]:
    return {(one.target, one.place) for one in destinations(policy, INTENT, person)}


@given(policies, people)
def test_without_grants_nobody_reaches_anything(policy, person):
    assert reached(replace(policy, grants=()), person) == set()
    assert reached(replace(policy, groups=()), person) == set()


@given(policies, people, grants)
def test_one_more_grant_takes_nothing_away(policy, person, grant):
    more = replace(policy, grants=(*policy.grants, grant))
    assert reached(policy, person) <= reached(more, person)


@given(policies, people)
def test_whoever_works_further_down_is_in_every_group_of_those_above(policy, person):
    parent = INTENT.sites[person.site].parent
    if parent:
        above_ = groups_of(policy.groups, INTENT.sites, replace(person, site=parent))
        assert set(above_) <= set(groups_of(policy.groups, INTENT.sites, person))


@given(policies, people)
def test_everything_reached_is_opened_by_a_grant_to_a_group_of_the_person(policy, person):
    for one in destinations(policy, INTENT, person):
        group = next(group for group in policy.groups if group.name == one.grant.group)
        assert group.role == person.role
        assert group.under in set(places_above(INTENT.sites, person.site))
        assert one.target in one.grant.reach
        assert one.target != Segment.PATIENTS


@given(policies, people, targets, st.none() | sites)
def test_an_answer_agrees_with_what_is_reached(policy, person, target, place):
    places = access.places_of(policy, INTENT, target) if place is None else (place,)
    wanted = {(target, one) for one in places}
    found = answer_access(policy, INTENT, person, target, place)
    assert found.allowed is (bool(wanted) and wanted <= reached(policy, person))
    assert found.because


@given(sentences)
def test_a_sentence_is_read_as_it_is_written(sentence):
    assert expectations.parse_access_test(expectations.render_access_test(sentence)) == sentence


@given(sentences, policies)
def test_a_sentence_and_its_contrary_about_one_place_do_not_both_hold(sentence, policy):
    place = sentence.place or "yaounde"
    one, other = (
        expectations.evaluate_access_test(
            replace(sentence, place=place, never=never), policy, INTENT
        ).holds
        for never in (False, True)
    )
    assert one is not other


@given(st.text(max_size=80))
def test_any_text_is_a_sentence_or_the_reason_why_it_is_none(text):
    assert isinstance(expectations.parse_access_test(text), Sentence | Misread)


@given(policies, st.lists(people, max_size=5))
def test_packet_filters_let_through_what_people_reach_and_nothing_else(policy, several):
    people = [(person, (ip_address(f"172.26.0.{n}"),)) for n, person in enumerate(several, 1)]
    roster = opened_to(policy, INTENT, people)
    for person, (address,) in people:
        through = {
            (prefix, ports)
            for one in roster.openings
            if address in roster_sources(roster).get(one.group, ())
            for prefix in one.prefixes
            for ports in one.ports or (None,)
        }
        wanted = {
            (ip_network(where), ports)
            for one in destinations(policy, INTENT, person)
            for where in one.where
            for ports in one.ports or (None,)
        }
        assert through == wanted
