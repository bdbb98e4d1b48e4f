"""Laws of segmentation and of the sentences that speak about it."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from inventory.documents.messages import Misread
from inventory.model import Level, Segment
from policies.model import Policies, ZoneRule
from policies.segmentation import FORBIDDEN, allowed_flows, entitled_zones, merge_rules
from policies.sentences import (
    ReachesCentral,
    SegmentNeverReaches,
    SegmentReaches,
    Sentence,
    SentenceFailure,
    ServiceMeetsSlo,
    ServiceReachable,
    Thing,
    TwoWaysOut,
    parse_sentence,
    render_sentence,
)

KEYWORDS = {"and", "at", "fail", "fails", "from", "if", "is", "still", "reachable", "meets"} | {
    word for thing in Thing for word in (thing.value, f"{thing}s")
}
segments = st.sampled_from(Segment)
names = st.from_regex(r"[a-zA-Z][a-zA-Z0-9-]{0,11}[a-z0-9]", fullmatch=True).filter(
    lambda name: name.lower() not in KEYWORDS
)
targets = segments | st.sampled_from(["records", "portal", "imaging"])
rules = st.builds(ZoneRule, segments, targets, st.just("needed"))
policies = st.builds(Policies, st.just({}), st.just({}), st.lists(rules, max_size=12).map(tuple))
failures = st.lists(
    st.builds(SentenceFailure, st.sampled_from(Thing), names), max_size=4, unique=True
).map(lambda found: tuple(sorted(found, key=lambda failure: list(Thing).index(failure.thing))))
levels = st.none() | st.sampled_from(Level)
services = st.builds(ServiceReachable, names, names, st.none() | names, failures) | st.builds(
    ServiceMeetsSlo, names, names, st.none() | names, failures
)
sentences = (
    services
    | st.builds(TwoWaysOut, levels, failures)
    | st.builds(ReachesCentral, levels, failures)
    | st.builds(SegmentReaches, segments, targets)
    | st.builds(SegmentNeverReaches, segments, targets)
)


@given(segments, targets)
def test_without_a_rule_everything_is_denied(source: Segment, target: str):
    access = allowed_flows(Policies({}, {}), source, target)
    assert not access.allowed
    assert source in access.because
    assert target in access.because


@given(policies, rules, segments, targets)
def test_adding_a_rule_removes_no_access(
    had: Policies, rule: ZoneRule, source: Segment, target: str
):
    more = replace(had, rules=merge_rules(had.rules, [rule]))
    assert allowed_flows(more, source, target).allowed >= allowed_flows(had, source, target).allowed


@given(policies, segments, targets)
def test_access_is_exactly_what_a_rule_names(had: Policies, source: Segment, target: str):
    named = any((rule.source, rule.target) == (source, target) for rule in had.rules)
    assert allowed_flows(had, source, target).allowed == (
        named and (source, target) not in FORBIDDEN
    )


@given(policies)
def test_management_is_reached_only_by_a_rule_that_names_it(had: Policies):
    named = {rule.source for rule in had.rules if rule.target == Segment.MANAGEMENT}
    assert set(entitled_zones(had, Segment.MANAGEMENT)) <= named - {Segment.PATIENTS}


@given(sentences)
def test_written_sentence_reads_as_itself(sentence: Sentence):
    assert parse_sentence(render_sentence(sentence)) == sentence


@given(sentences, st.data())
def test_case_of_keywords_and_commas_mean_nothing(sentence: Sentence, data: st.DataObject):
    words = render_sentence(sentence).replace(",", "").split()
    shouted = [w.upper() if w.lower() in KEYWORDS else w for w in words]
    spaces = data.draw(st.sampled_from([" ", "  ", " , "]))
    assert parse_sentence(spaces.join(shouted)) == parse_sentence(render_sentence(sentence))


@given(st.text())
def test_reading_never_fails_and_always_gives_the_same(text: str):
    first = parse_sentence(text)
    assert first == parse_sentence(text)
    assert isinstance(first, Misread) or parse_sentence(render_sentence(first)) == first
