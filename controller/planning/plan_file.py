"""Plans and intents as JSON, and the file that carries a plan from planning to applying.

Texts (configurations, the intent) are kept once each, under their SHA-256.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from controller.model import Change, Plan
from controller.planning.impact import diff
from inventory.documents.text_file import read_text_file
from inventory.errors import IntentError, PlanError
from inventory.model import DeviceName, Intent
from inventory.output_file import plain_target, replace_file

FORMAT: Final = "sanaga-plan"
# An older release, which would not see the reasons, must not apply it either.
REFUSED: Final = "sanaga-refused-plan"
VERSION: Final = 1
# The plan of a whole country, texts of all routers included, has some 50 MB.
MOST_BYTES: Final = 1_000_000_000


def intent_json(intent: Intent) -> str:
    """Return an intent as one line of JSON, the same for equal intents."""
    return _intents().dump_json(intent).decode()


def parse_intent(text: str) -> Intent:
    """Return the intent that intent_json wrote.

    Raises PlanError when the text is something else.
    """
    try:
        return _intents().validate_json(text)
    except ValidationError as error:
        raise PlanError("the recorded intent cannot be understood by this version") from error


def encode(plan: Plan) -> tuple[str, Mapping[str, str]]:
    """Return a plan as a JSON body and the texts that the body refers to by fingerprint."""
    texts = {
        c.fingerprint: c.text for change in plan.changes for c in (change.before, change.after)
    }
    if plan.intent:
        texts[plan.intent_fingerprint] = intent_json(plan.intent)
    light = replace(plan, intent=None, waves=())
    body = _plans().dump_python(light, mode="json")
    body["intent"] = plan.intent_fingerprint if plan.intent else None
    body["waves"] = [[_referring(change) for change in wave] for wave in plan.waves]
    return _canonical(body), texts


def decode(body: str, texts: Mapping[str, str]) -> Plan:
    """Return the plan that encode took apart.

    Raises PlanError when a part is missing, changed or of an unknown kind.
    """
    try:
        return _assembled(json.loads(body), texts)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise PlanError(f"the plan is incomplete or was changed by hand ({error})") from error


def seen_by(body: str) -> frozenset[DeviceName]:
    """Return the devices that a plan was made for, from its JSON body alone."""
    return frozenset(json.loads(body)["seen"])


def folder_of(body: str) -> str:
    """Return where the credential references of a plan's intent start; empty in older plans."""
    return str(json.loads(body).get("folder", ""))


def save(plan: Plan, file: Path) -> None:
    """Write a plan for its owner alone; a reader finds the whole file or the one before.

    Raises PlanError when the file cannot be written.
    """
    content = json.dumps(plan_document(plan), indent=1)
    try:
        replace_file(file, content.encode(), mode=0o600)
    except OSError as error:
        raise PlanError(f"{file}: cannot be written ({error.strerror})") from error


def plan_document(plan: Plan) -> dict[str, Any]:
    """Return what a plan's file holds; "sha256" is the digest of all that it does and starts from.

    Two plans with the same digest are the same plan.
    """
    body, texts = encode(plan)
    head = {
        "format": REFUSED if plan.refused else FORMAT,
        "version": VERSION,
        "sha256": _seal(body, texts),
    }
    return {**head, "plan": body, "texts": texts}


def parse_document(document: object, name: Path | str) -> Plan:
    """Return the plan in such a document; name is what to call it.

    Raises PlanError when it is cut short, was changed, or is another version's.
    """
    return _opened(document, name)


def remove_older(file: Path) -> bool:
    """Remove a plan that nobody shall apply any more; return whether there was one.

    Raises PlanError when it cannot be removed.
    """
    try:
        load(file)
    except PlanError:
        return False
    try:
        plain_target(file).unlink()
    except OSError as error:
        raise PlanError(
            f"{file}: the older plan cannot be removed ({error.strerror}); do not apply it"
        ) from error
    return True


def load(file: Path) -> Plan:
    """Return the plan in a file.

    Raises PlanError when it cannot be read, is cut short, was changed, or another version's.
    """
    try:
        document = json.loads(read_text_file(file, most=MOST_BYTES, errors="replace"))
    except OSError as error:
        raise PlanError(f"{file}: cannot be read ({error.strerror})") from error
    except IntentError as error:
        raise PlanError(str(error)) from error
    except (ValueError, RecursionError) as error:
        raise PlanError(f"{file}: is no plan, or only a part of one; make it again") from error
    return _opened(document, file)


def _opened(document: object, file: Path | str) -> Plan:
    if not isinstance(document, dict) or document.get("format") not in {FORMAT, REFUSED}:
        raise PlanError(f"{file}: is no plan; 'sanaga plan DIR --out FILE' makes one")
    if document.get("version") != VERSION:
        raise PlanError(
            f"{file}: is a plan of version {document.get('version')}, this program knows version "
            f"{VERSION}; make the plan again"
        )
    body, texts = document.get("plan"), document.get("texts")
    if not (isinstance(body, str) and isinstance(texts, dict)):
        raise PlanError(f"{file}: is only a part of a plan; make it again")
    if document.get("sha256") != _seal(body, texts):
        raise PlanError(f"{file}: was changed after it was made; make the plan again")
    return decode(body, texts)


def _referring(change: Change) -> dict[str, Any]:
    body: dict[str, Any] = _changes().dump_python(replace(change, diff=""), mode="json")
    del body["diff"]
    return {**body, "before": change.before.fingerprint, "after": change.after.fingerprint}


def _assembled(body: dict[str, Any], texts: Mapping[str, str]) -> Plan:
    for fingerprint, text in texts.items():
        if sha256(text.encode()).hexdigest() != fingerprint:
            raise ValueError(f"the text {fingerprint[:12]} is not what it was")
    waves = tuple(tuple(_change(c, texts) for c in wave) for wave in body["waves"])
    intent = parse_intent(texts[body["intent"]]) if body["intent"] else None
    plan = _plans().validate_python({**body, "waves": (), "intent": None})
    return replace(plan, waves=waves, intent=intent)


def _change(body: dict[str, Any], texts: Mapping[str, str]) -> Change:
    before, after = ({"text": texts[body[side]]} for side in ("before", "after"))
    made = _changes().validate_python({**body, "before": before, "after": after, "diff": ""})
    return replace(made, diff=diff(made.before, made.after))


def _canonical(document: object) -> str:
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _seal(body: str, texts: Mapping[str, str]) -> str:
    return sha256(_canonical([FORMAT, VERSION, body, texts]).encode()).hexdigest()


@cache
def _intents() -> TypeAdapter[Intent]:
    return TypeAdapter(Intent)


@cache
def _plans() -> TypeAdapter[Plan]:
    return TypeAdapter(Plan)


@cache
def _changes() -> TypeAdapter[Change]:
    return TypeAdapter(Change)
