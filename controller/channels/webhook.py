"""Webhooks in the shape of Alertmanager (version "4"), signed, to a checked address.

The header X-Sanaga-Signature is 't=SECONDS,v1=HEX': HMAC-SHA256 over 't.body' with the receiver's
secret. Idempotency-Key is the same each time that a notice is sent again.
"""

import hashlib
import hmac
import json
import ssl
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Final, cast

from controller.channels.message import Message, MessageKind, OutboxEntry, SendError
from controller.channels.pinned import (
    AddressRefusedError,
    Answer,
    NoAnswerError,
    check_target,
    post_to,
)
from controller.clock import Clock

SIGNATURE: Final = "X-Sanaga-Signature"
CONTROLLER_SIGNATURE: Final = "X-Sanaga-Controller-Signature"
_NEVER: Final = "0001-01-01T00:00:00Z"
_AGAIN: Final = frozenset({408, 425, 429})
_LONGEST_VALUE: Final = 2_000
_MOST_SITES: Final = 100
# Turns a reference of the intent into the secret it means.
Resolve = Callable[[str], str]
Sign = Callable[[bytes], str]


class WebhookSender:
    """Sends messages to the URLs of contact points, and beats signed by the controller too."""

    def __init__(
        self,
        resolve: Resolve,
        context: ssl.SSLContext,
        clock: Clock,
        *,
        sign: Sign | None = None,
        timeout_s: float = 10.0,
    ) -> None:
        self._resolve = resolve
        self._context = context
        self._clock = clock
        self._sign = sign
        self._timeout_s = timeout_s

    def send(self, message: Message) -> str:
        """Send a message and return its key. Raises SendError."""
        body = json.dumps(alertmanager_body(message), ensure_ascii=False).encode()
        try:
            target = check_target(self._resolve(message.to.address), loopback=message.to.loopback)
            headers = self._headers(message, body)
            answer = post_to(target, body, headers, self._context, timeout_s=self._timeout_s)
        except AddressRefusedError as error:
            raise SendError(str(error), permanent=True) from None
        except NoAnswerError as error:
            raise SendError(str(error), unsure=error.unsure) from None
        except OSError as error:
            raise SendError(f"the receiver's name is not found: {error.strerror}") from None
        _judge(answer)
        return message.key

    def close(self) -> None:
        """Do nothing: no connection stays open."""

    def _headers(self, message: Message, body: bytes) -> Mapping[str, str]:
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "sanaga",
            "Idempotency-Key": message.key,
        }
        if message.to.secret:
            secret = self._resolve(message.to.secret)
            headers[SIGNATURE] = sign_body(body, secret, int(self._clock.instant().timestamp()))
        if self._sign and message.kind is MessageKind.BEAT:
            headers[CONTROLLER_SIGNATURE] = self._sign(body)
        return headers


def sign_body(body: bytes, secret: str, at_s: int) -> str:
    """Return the signature of a body at a time."""
    digest = hmac.new(secret.encode(), f"{at_s}.".encode() + body, hashlib.sha256)
    return f"t={at_s},v1={digest.hexdigest()}"


def signature_holds(
    body: bytes, signature: str, secret: str, now_s: float, *, within_s: float = 300.0
) -> bool:
    """Return whether a signature is that of a body, and not older than within_s."""
    at = signature.partition(",")[0].removeprefix("t=")
    if not (at.isascii() and at.isdigit()) or abs(now_s - int(at)) > within_s:
        return False
    return hmac.compare_digest(sign_body(body, secret, int(at)).encode(), signature.encode())


def alertmanager_body(message: Message) -> dict[str, object]:
    """Return a message as Alertmanager sends it; a digest has an alert for each incident."""
    alerts = [_alert(entry, message) for entry in message.entries] or [_bare_alert(message)]
    firing = any(alert["status"] == "firing" for alert in alerts)
    labels = [cast("dict[str, str]", alert["labels"]) for alert in alerts]
    return {
        "version": "4",
        "groupKey": f"sanaga:{message.incident or message.kind}",
        "truncatedAlerts": message.left_out,
        "status": "firing" if firing else "resolved",
        "receiver": message.to.name,
        "groupLabels": {"alertname": str(labels[0]["alertname"])},
        "commonLabels": _common(labels),
        "commonAnnotations": {"summary": message.subject, "kind": str(message.kind)},
        "externalURL": "",
        "alerts": alerts,
    }


def _alert(entry: OutboxEntry, message: Message) -> dict[str, object]:
    ended = entry.kind in {MessageKind.ENDED, MessageKind.WORKING}
    labels = {
        "alertname": entry.text("cause") or str(message.kind),
        "severity": str(entry.severity) if entry.incident is not None else "",
        "incident": "" if entry.incident is None else str(entry.incident),
        **{key: entry.text(key) for key in ("region", "root_kind", "root_name")},
    }
    sites = entry.names("sites")
    annotations = {
        "summary": entry.text("title") or message.subject,
        "description": entry.text("sentence") or message.text,
        "sites": ",".join(sites[:_MOST_SITES]),
        "sites_left_out": str(max(0, len(sites) - _MOST_SITES)),
        **{key: f"{entry.number(key) or 0:.0f}" for key in ("people", "consultations")},
    }
    return {
        "status": "resolved" if ended else "firing",
        "labels": {key: value[:_LONGEST_VALUE] for key, value in labels.items() if value},
        "annotations": {key: value[:_LONGEST_VALUE] for key, value in annotations.items()},
        "startsAt": _stamp(entry.number("opened_s") or entry.created_s),
        "endsAt": _stamp(entry.number("ended_s")) if ended else _NEVER,
        "generatorURL": "",
        "fingerprint": _fingerprint(str(entry.incident or entry.text("fault") or entry.dedup_key)),
    }


def _bare_alert(message: Message) -> dict[str, object]:
    entry = OutboxEntry(0, None, str(message.kind), message.key, 0.0, {"title": message.subject})
    return _alert(entry, message)


def _common(labels: Iterable[Mapping[str, str]]) -> dict[str, str]:
    first, *others = labels
    return {
        key: value for key, value in first.items() if all(one.get(key) == value for one in others)
    }


def _stamp(at_s: float | None) -> str:
    if at_s is None:
        return _NEVER
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _fingerprint(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _judge(answer: Answer) -> None:
    status = answer.status
    if 200 <= status < 300:
        return
    if 300 <= status < 400:
        raise SendError(f"the receiver redirects ({status}), which is not followed", permanent=True)
    permanent = 400 <= status < 500 and status not in _AGAIN
    what = f"the receiver answers {status}"
    raise SendError(what, permanent=permanent, retry_after_s=answer.retry_after_s)
