"""Tests that a policy brings along: sentences about who reaches what, and whether they hold.

Keywords may be in any case; commas, runs of spaces and a final full stop mean nothing.
"""

import re
from dataclasses import dataclass
from typing import Final

from inventory.documents.messages import Misread
from inventory.free_text import quoted
from inventory.model import Intent, Segment, SiteName
from vpn.grants import access
from vpn.grants.access import AccessAnswer, Place
from vpn.model import AccessPolicy, Person, RoleName, Target

FORMS: Final = (
    "ROLE at SITE reaches SERVICE or SEGMENT at PLACE",
    "ROLE at SITE never reaches SERVICE or SEGMENT",
)
_FORM: Final = re.compile(
    r"(?:an? |every )?(?P<role>[a-z0-9-]+) (?:at|of) (?P<site>[a-z0-9-]+) (?P<never>never )?"
    r"reach(?:es)? (?P<target>[a-z0-9-]+)(?: at (?P<place>[a-z0-9-]+))?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Sentence:
    """Somebody of a role at a site reaches a target, or never does.

    place is a zone or site; without one, it is all that offer the target, or for never none.
    """

    role: RoleName
    site: SiteName
    target: Target
    place: Place | None = None
    never: bool = False


@dataclass(frozen=True, slots=True)
class AccessFinding:
    """Whether a sentence holds, and why."""

    text: str
    holds: bool
    because: str


def parse_access_test(text: str) -> Sentence | Misread:
    """Return the sentence of a text, or why it is not one."""
    plain = " ".join(text.replace(",", " ").split()).rstrip(".").rstrip()
    read = _FORM.fullmatch(plain)
    if read is None:
        return Misread(f"{quoted(text)} says nothing testable", f"write it as '{FORMS[0]}'")
    target: Target = read["target"]
    known = Segment(target) if target in set(Segment) else target
    return Sentence(read["role"], read["site"], known, read["place"], never=bool(read["never"]))


def render_access_test(sentence: Sentence) -> str:
    """Return the text of a sentence, which parses to the same sentence."""
    verb = "never reaches" if sentence.never else "reaches"
    place = f" at {sentence.place}" if sentence.place else ""
    return f"{sentence.role} at {sentence.site} {verb} {sentence.target}{place}"


def evaluate_access_test(sentence: Sentence, policy: AccessPolicy, intent: Intent) -> AccessFinding:
    """Return whether a sentence, whose names all exist, holds under a policy."""
    somebody = Person("somebody", "Somebody", sentence.role, sentence.site)
    if sentence.never and sentence.place is None:
        found = _nowhere(sentence, policy, intent, somebody)
    else:
        found = access.answer_access(policy, intent, somebody, sentence.target, sentence.place)
    return AccessFinding(
        render_access_test(sentence), found.allowed is not sentence.never, found.because
    )


def _nowhere(
    sentence: Sentence, policy: AccessPolicy, intent: Intent, somebody: Person
) -> AccessAnswer:
    """Return whether a target is reached at any place, with the first one told."""
    for one in access.destinations(policy, intent, somebody):
        if one.target == sentence.target:
            return access.answer_access(policy, intent, somebody, one.target, one.place)
    return access.answer_access(policy, intent, somebody, sentence.target, None)
