"""From the policy sections of a folder to Policies, or everything that is wrong with them."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias, TypeVar

from inventory.documents.entries import DocumentEntry, Documents, repeated_names
from inventory.documents.fields import Document
from inventory.documents.messages import Misread
from inventory.errors import Fault, Location
from inventory.free_text import quoted
from inventory.model import Intent, Segment
from policies import clinical, segmentation
from policies.model import (
    ORDINARY_CLASS,
    Expectation,
    PathPolicy,
    Policies,
    ServiceClass,
    ServiceName,
    ZoneRule,
)
from policies.schema import (
    CODE_POINTS,
    ClassDocument,
    PathDocument,
    RuleDocument,
    code_point_name,
)
from policies.sentences import (
    FORMS,
    ReachesCentral,
    Sentence,
    ServiceMeetsSlo,
    ServiceReachable,
    Thing,
    TwoWaysOut,
)
from policies.sentences import parse_sentence as read_sentence

D = TypeVar("D", bound=Document)
Written: TypeAlias = tuple[DocumentEntry, D]
# Sums of decimal shares miss 1 by less than this.
_ROUNDING: Final = 1e-9


@dataclass(frozen=True, slots=True)
class _Known:
    """The names that a policy may speak of; intent is None while the inventory has faults."""

    documents: Documents
    services: frozenset[ServiceName]
    intent: Intent | None

    def service_fault(self, where: Location, name: str) -> Iterator[Fault]:
        """Yield the fault of a service that has no class."""
        return self.documents.unknown(where, "service", name, self.services)


def check_policies(
    documents: Documents, intent: Intent | None
) -> tuple[Policies | None, tuple[Fault, ...]]:
    """Return the policies of a folder over the built-in ones, or every fault in file order.

    Names of sites, zones, circuits and devices are checked where an intent is given.
    """
    base = clinical.read_catalogue()
    classes, class_documents, faults = _classes(documents, base.classes)
    declared = (entry.text("name") for entry in documents.entries["classes"])
    services = frozenset({*classes, *filter(None, declared)} - set(Segment))
    known = _Known(documents, services, intent)
    paths, path_faults = _paths(known, base.paths)
    rules, rule_faults = _rules(known)
    expectations, sentence_faults = _expectations(known)
    faults += [*path_faults, *rule_faults, *sentence_faults, *_zone_faults(known)]
    faults += _share_faults(classes, class_documents)
    if faults:
        return None, tuple(sorted(set(faults)))
    ordinary = paths[ORDINARY_CLASS]
    policies = Policies(
        classes=classes,
        paths={
            name: paths.get(name) or PathDocument(service=name).to_model(ordinary)
            for name in classes
        },
        rules=segmentation.merge_rules(base.rules, rules),
        expectations=expectations,
    )
    return policies, ()


def _classes(
    documents: Documents, base: Mapping[ServiceName, ServiceClass]
) -> tuple[dict[ServiceName, ServiceClass], list[Written[ClassDocument]], list[Fault]]:
    written, faults = documents.written("classes", ClassDocument)
    faults += repeated_names(written, lambda document: document.name, "this class")
    classes = dict(base)
    for entry, document in written:
        found = list(_class_faults(entry, document, base))
        faults += found
        if not found:
            classes[document.name] = document.to_model(base.get(document.name))
    faults += _code_point_faults(classes, written)
    return classes, written, faults


def _class_faults(
    entry: DocumentEntry, document: ClassDocument, base: Mapping[ServiceName, ServiceClass]
) -> Iterator[Fault]:
    missing = document.missing()
    if document.name in set(Segment):
        what = f"{quoted(document.name)} is a segment, so no class can be named so"
        yield Fault(entry.where("name"), what, "choose another name")
    elif document.name not in base and missing:
        what = f"class {quoted(document.name)} is not built in and lacks {', '.join(missing)}"
        hint = f"write them, or override one of {', '.join(base)}"
        yield Fault(entry.where("name"), what, hint)


def _code_point_faults(
    classes: Mapping[ServiceName, ServiceClass], written: Iterable[Written[ClassDocument]]
) -> Iterator[Fault]:
    """Yield a fault for every class whose code point another class has."""
    free = sorted(set(CODE_POINTS.values()) - {made.dscp for made in classes.values()})
    hint = "give every class its own; free are " + ", ".join(map(code_point_name, free))
    for entry, document in written:
        for other in classes.values():
            if document.has("dscp") and other.dscp == document.dscp and other.name != document.name:
                what = f"{code_point_name(other.dscp)} is the code point of {other.name} already"
                yield Fault(entry.where("dscp"), what, hint)


def _share_faults(
    classes: Mapping[ServiceName, ServiceClass], written: Iterable[Written[ClassDocument]]
) -> Iterator[Fault]:
    """Yield the fault of shares over the whole circuit, at the last share written."""
    total = math.fsum(made.share for made in classes.values())
    places = [entry.where("share") for entry, document in written if document.has("share")]
    if places and total > 1 + _ROUNDING:
        shares = ", ".join(f"{made.name} {made.share:g}" for made in classes.values())
        what = f"the shares of all classes come to {total:.4g}, more than a whole circuit"
        yield Fault(max(places), what, f"lower some to reach 1 or less: {shares}")


def _paths(
    known: _Known, base: Mapping[ServiceName, PathPolicy]
) -> tuple[dict[ServiceName, PathPolicy], list[Fault]]:
    written, faults = known.documents.written("paths", PathDocument)
    faults += repeated_names(
        written, lambda document: document.service, "the path policy of a service"
    )
    paths = dict(base)
    for entry, document in written:
        faults += known.service_fault(entry.where("service"), document.service)
        policy = document.to_model(base.get(document.service, base[ORDINARY_CLASS]))
        faults += _path_faults(entry, policy)
        paths[document.service] = policy
    return paths, faults


def _path_faults(entry: DocumentEntry, policy: PathPolicy) -> Iterator[Fault]:
    for index, medium in enumerate(policy.media):
        if medium in policy.media[:index]:
            what = f"{medium} is named twice"
            yield Fault(entry.where("media", index), what, "name each medium once, best first")
    if policy.return_after_s * 1000 < policy.leave_after_ms:
        written = "return_after_s" if entry.get("return_after_s") is not None else "leave_after_ms"
        what = (
            f"{policy.service} would return to a path after {policy.return_after_s} s, sooner "
            f"than the {policy.leave_after_ms} ms after which it leaves one"
        )
        least = math.ceil(policy.leave_after_ms / 1000)
        hint = f"set return_after_s to {least} or more, or traffic swings between paths"
        yield Fault(entry.where(written), what, hint)


def _rules(known: _Known) -> tuple[tuple[ZoneRule, ...], list[Fault]]:
    written, faults = known.documents.written("rules", RuleDocument)
    faults += repeated_names(written, lambda rule: (rule.source, rule.target), "this rule")
    for entry, rule in written:
        faults += known.documents.unknown(
            entry.where("target"), "target", rule.target, {*Segment, *known.services}
        )
        if (rule.source, rule.target) in segmentation.FORBIDDEN:
            what = f"this rule would let {rule.source} reach {rule.target}"
            hint = "remove it; no rule may open the management of the network to the public"
            faults.append(Fault(entry.where(), what, hint))
    return tuple(document.to_model() for _, document in written), faults


def _expectations(known: _Known) -> tuple[tuple[Expectation, ...], list[Fault]]:
    faults: list[Fault] = []
    expectations = []
    for entry in known.documents.entries["expect"]:
        where = entry.where()
        if isinstance(entry.value, str):
            faults += _sentence_faults(known, where, read_sentence(entry.value))
            expectations.append(Expectation(entry.value, str(where)))
        else:
            hint = f"write a sentence such as '{FORMS[0]}', in quotes where it holds ': '"
            faults.append(Fault(where, "this expectation is no sentence", hint))
    return tuple(expectations), faults


def _sentence_faults(
    known: _Known, where: Location, sentence: Sentence | Misread
) -> Iterator[Fault]:
    match sentence:
        case Misread(what, hint):
            yield Fault(where, what, hint)
        case ServiceReachable() | ServiceMeetsSlo():
            yield from known.service_fault(where, sentence.service)
            yield from _place_faults(known, where, sentence)
            yield from _failure_faults(known, where, sentence)
        case TwoWaysOut() | ReachesCentral():
            yield from _failure_faults(known, where, sentence)
        case _:
            targets = {*Segment, *known.services}
            yield from known.documents.unknown(where, "target", sentence.target, targets)


def _place_faults(
    known: _Known, where: Location, sentence: ServiceReachable | ServiceMeetsSlo
) -> Iterator[Fault]:
    if known.intent is None:
        return
    yield from known.documents.unknown(where, "site", sentence.site, known.intent.sites)
    if sentence.zone is not None:
        yield from known.documents.unknown(where, "zone", sentence.zone, known.intent.zones)


def _failure_faults(
    known: _Known,
    where: Location,
    sentence: ServiceReachable | ServiceMeetsSlo | TwoWaysOut | ReachesCentral,
) -> Iterator[Fault]:
    if known.intent is None:
        return
    names: Mapping[Thing, Iterable[str]] = {
        Thing.CIRCUIT: known.intent.circuits,
        Thing.DEVICE: known.intent.devices,
        Thing.SITE: known.intent.sites,
    }
    for failure in sentence.failures:
        yield from known.documents.unknown(
            where, failure.thing.value, failure.name, names[failure.thing]
        )


def _zone_faults(known: _Known) -> Iterator[Fault]:
    """Yield a fault for every service a zone offers that has no class."""
    for entry in known.documents.entries["zones"]:
        for index, name in enumerate(entry.items("services")):
            if isinstance(name, str):
                yield from known.service_fault(entry.where("services", index), name)
