"""Mail: text and HTML in one message over SMTP, encrypted unless the intent says otherwise."""

import smtplib
import ssl
from collections.abc import Callable
from contextlib import suppress
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final

from controller.channels.message import MailServer, Message, SendError
from controller.clock import Clock

_TIMEOUT_S: Final = 30.0
_AGAIN_FROM: Final = 400
_NEVER_FROM: Final = 500
_MAIL_PORT_TLS: Final = "tls"


class MailSender:
    """Sends each message over a connection of its own."""

    def __init__(
        self,
        server: MailServer,
        password: Callable[[], str],
        context: ssl.SSLContext,
        clock: Clock,
        *,
        timeout_s: float = _TIMEOUT_S,
    ) -> None:
        self._server = server
        self._password = password
        self._context = context
        self._clock = clock
        self._timeout_s = timeout_s

    def send(self, message: Message) -> str:
        """Send a message and return its Message-ID. Raises SendError."""
        letter = compose_mail(message, self._server.sender, format_datetime(self._clock.instant()))
        try:
            connection = self._connect()
        except (OSError, smtplib.SMTPException) as error:
            raise _fault(error) from None
        try:
            self._deliver(connection, letter, message.to.address)
        finally:
            with suppress(OSError, smtplib.SMTPException):
                connection.quit()
        return str(letter["Message-ID"])

    def close(self) -> None:
        """Do nothing: no connection stays open."""

    def _connect(self) -> smtplib.SMTP:
        server, timeout = self._server, self._timeout_s
        connection: smtplib.SMTP
        if server.security == _MAIL_PORT_TLS:
            connection = smtplib.SMTP_SSL(
                server.host, server.port, timeout=timeout, context=self._context
            )
        else:
            connection = smtplib.SMTP(server.host, server.port, timeout=timeout)
        try:
            if server.security == "starttls":
                # Without STARTTLS in the server's answer this raises, so nothing goes in clear.
                connection.starttls(context=self._context)
            if server.user:
                connection.login(server.user, self._password())
        except BaseException:
            connection.close()
            raise
        return connection

    def _deliver(self, connection: smtplib.SMTP, letter: EmailMessage, to: str) -> None:
        try:
            connection.ehlo_or_helo_if_needed()
            _expect(connection.mail(self._server.sender))
            _expect(connection.rcpt(to))
        except (OSError, smtplib.SMTPException) as error:
            raise _fault(error) from None
        try:
            _expect(connection.data(letter.as_bytes(policy=SMTP)))
        except (OSError, smtplib.SMTPServerDisconnected) as error:
            # The server may have taken the letter before its answer was lost.
            raise SendError(f"no answer to the letter: {_text(error)}", unsure=True) from None
        except smtplib.SMTPException as error:
            raise _fault(error) from None


def compose_mail(message: Message, sender: str, date: str) -> EmailMessage:
    """Return a message as a letter; its Message-ID is the same each time it is sent."""
    domain = sender.rpartition("@")[2]
    letter = EmailMessage(policy=SMTP)
    # The policy refuses line breaks in headers, so no text of a device adds one.
    letter["From"] = f"Sanaga <{sender}>"
    letter["To"] = message.to.address
    letter["Subject"] = message.subject
    letter["Date"] = date
    letter["Message-ID"] = f"<sanaga.{message.key}@{domain}>"
    letter["Auto-Submitted"] = "auto-generated"
    if message.incident is not None:
        thread = f"<sanaga.incident.{message.incident}@{domain}>"
        letter["References"] = thread
        letter["X-Sanaga-Incident"] = str(message.incident)
    letter.set_content(message.text)
    letter.add_alternative(message.html, subtype="html")
    return letter


def _expect(answer: tuple[int, bytes]) -> None:
    code, text = answer
    if code >= _AGAIN_FROM:
        said = text.decode("utf-8", "replace")
        raise SendError(f"the mail server answers {code} {said}", permanent=code >= _NEVER_FROM)


def _fault(error: Exception) -> SendError:
    refused = isinstance(error, smtplib.SMTPResponseException) and error.smtp_code >= _NEVER_FROM
    # A password that is wrong now may be right when it is corrected, so it is tried again.
    permanent = refused and not isinstance(error, smtplib.SMTPAuthenticationError)
    return SendError(f"the mail server does not take it: {_text(error)}", permanent=permanent)


def _text(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error
        text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
        return f"{error.smtp_code} {text}"
    return str(error) or type(error).__name__
