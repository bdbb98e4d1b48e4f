"""A mail server as a program of its own (aiosmtpd): STARTTLS, TLS or neither, with faults.

Run with '--security starttls|tls|none [--tls CERTIFICATE KEY] [--login]'. Letters are printed as
lines of JSON. The mailbox decides what happens: 'refused@' gets 550, 'later@' 451, 'lost@' loses
the connection after the letter, 'slow@' is answered when an octet comes on standard input.
"""

import argparse
import asyncio
import base64
import json
import os
import ssl
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword


def tell(event: str, **more: object) -> None:
    print(json.dumps({"event": event, **more}), flush=True)  # noqa: T201


class Mailbox:
    """What becomes of letters."""

    async def handle_RCPT(  # noqa: N802
        self, _server: Any, _session: Any, envelope: Any, to: str, _o: Any
    ) -> str:
        if to.startswith("refused@"):
            return "550 no such mailbox"
        if to.startswith("later@"):
            return "451 try later"
        envelope.rcpt_tos.append(to)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        tell(
            "letter",
            to=envelope.rcpt_tos,
            sender=envelope.mail_from,
            tls=session.ssl is not None or server.is_tls,
            user=session.auth_data,
            letter=base64.b64encode(envelope.content).decode(),
        )
        if any(to.startswith("lost@") for to in envelope.rcpt_tos):
            server.transport.abort()
        if any(to.startswith("slow@") for to in envelope.rcpt_tos):
            await asyncio.get_running_loop().run_in_executor(None, os.read, 0, 1)
        return "250 taken"


class Server(SMTP):
    """One connection."""

    is_tls = False


def check_login(
    _server: Any, _session: Any, _envelope: Any, mechanism: str, data: Any
) -> AuthResult:
    right = isinstance(data, LoginPassword) and data.password == b"open-sesame"
    return AuthResult(
        success=right, handled=False, auth_data=data.login.decode() if right else None
    )


async def serve(options: argparse.Namespace) -> None:
    context = None
    if options.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*options.tls)
    starttls = context if options.security == "starttls" else None

    def connection() -> Server:
        made = Server(
            Mailbox(),
            tls_context=starttls,
            require_starttls=starttls is not None,
            authenticator=check_login,
            auth_required=options.login,
            auth_require_tls=False,
            hostname="peer",
        )
        made.is_tls = options.security == "tls"
        return made

    outer = context if options.security == "tls" else None
    loop = asyncio.get_running_loop()
    server = await loop.create_server(connection, "127.0.0.1", 0, ssl=outer)
    tell("listening", port=server.sockets[0].getsockname()[1])
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--security", default="none")
    parser.add_argument("--tls", nargs=2)
    parser.add_argument("--login", action="store_true")
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
