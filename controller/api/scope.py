"""What a reader may see of incidents and consultations; every list, count and export asks here."""

from http import HTTPStatus

from accounts.roles import visible
from controller.api.context import Viewer
from controller.api.problems import ProblemError
from controller.incidents.model import Consultation, Incident, Subject, SubjectKind
from controller.roles import LOCAL_ACCOUNT_ID, Right


def visible_incidents(reader: Viewer, *, ended: bool) -> list[Incident]:
    """Return open incidents, and on demand those that ended, as far as the reader may see them."""
    found = reader.context.incidents.listed(ended=ended)
    return [incident for incident in found if is_visible(incident, reader)]


def is_visible(incident: Incident, reader: Viewer) -> bool:
    """Return whether an incident hurts, or stands at, a site that the reader may see."""
    if incident.hidden or incident.merged_into is not None:
        return False
    return reader.sees(incident.sites or sites_of(incident.root, reader))


def running_consultations(reader: Viewer) -> list[Consultation]:
    """Return the consultations that run now at sites that the reader may see."""
    known = reader.context.incidents.current().consultations.values()
    return [one for one in known if one.running and reader.sees(one.sites)]


def sites_of(subject: Subject, reader: Viewer) -> tuple[str, ...]:
    """Return the sites of something; of a collector or an operator, all there are."""
    places, intent, name = reader.context.places, reader.context.intent, subject.name
    if subject.kind is SubjectKind.SITE:
        return (name,) if name in intent.sites else ()
    if subject.kind is SubjectKind.DEVICE:
        return (places.of_device(name),) if name in intent.devices else ()
    if subject.kind is SubjectKind.CIRCUIT:
        return places.of_circuit(name) if name in intent.circuits else ()
    return everywhere(reader)


def everywhere(reader: Viewer) -> tuple[str, ...]:
    """Return all sites of the network."""
    return tuple(reader.context.intent.sites)


def sites_with(reader: Viewer, right: Right) -> frozenset[str]:
    """Return the sites at which somebody has a right: for lists, which ask of many things."""
    return visible(reader.principal, right, reader.context.places.sites)


def covers_everything(reader: Viewer, right: Right) -> bool:
    """Return whether somebody has a right at every site of the network."""
    return reader.may(right, everywhere(reader))


def require_everywhere(reader: Viewer, right: Right) -> None:
    """Raise ProblemError (403) unless somebody has a right at every site of the network."""
    if not covers_everything(reader, right):
        raise ProblemError(
            HTTPStatus.FORBIDDEN,
            f"this needs the right '{right}' for the whole network; ask someone who has it",
        )


def is_local(reader: Viewer) -> bool:
    """Return whether a reader owns this machine's controller and speaks over its local socket."""
    return reader.principal.account.id == LOCAL_ACCOUNT_ID
