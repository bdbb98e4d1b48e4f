"""An HTTP receiver as a program of its own; requests are printed as lines of JSON.

The path decides the answer: '/status/503', '/redirect', '/silent' (no answer at all), '/drip' (an
octet now and then, without end), anything else 200. Run with '[--tls CERTIFICATE KEY]'.
"""

import argparse
import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TELLING = threading.Lock()


def tell(event: str, **more: object) -> None:
    with TELLING:
        print(json.dumps({"event": event, **more}), flush=True)  # noqa: T201


class Hook(BaseHTTPRequestHandler):
    """One request."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        tell("request", path=self.path, headers=dict(self.headers), body=body.decode())
        if self.path == "/silent":
            threading.Event().wait()
        if self.path == "/drip":
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            while True:
                threading.Event().wait(0.05)
                self.wfile.write(b"X")
        if self.path == "/redirect":
            self.send_response(302)
            self.send_header("Location", "/elsewhere")
        elif self.path.startswith("/status/"):
            self.send_response(int(self.path.rpartition("/")[2]))
            self.send_header("Retry-After", "7")
        else:
            self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Keep the standard error clean."""


class Server(ThreadingHTTPServer):
    """Says nothing of connections that break."""

    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """A client that gives up is what some tests wait for."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tls", nargs=2)
    options = parser.parse_args()
    server = Server(("127.0.0.1", 0), Hook)
    if options.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*options.tls)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    tell("listening", port=server.server_address[1])
    server.serve_forever()


if __name__ == "__main__":
    main()
