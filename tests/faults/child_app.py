"""Stands in for the children of the supervisor: a migration that notes that it ran, and a worker
that answers HTTP on the socket it was given. `python -m tests.faults.child_app ROLE`.

The settings, JSON text, choose what goes wrong:
    journal         file that gets a line for each event
    migrate_exit    exit code of the migration
    worker_exit     exit code of a worker, before it is ready
    stubborn        the worker ignores SIGTERM
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from apserver.store.data_folder import SOCKET
from apserver.store.embedded import answers


def note(settings: dict[str, Any], line: str) -> None:
    if "journal" in settings:
        with Path(settings["journal"]).open("a") as file:
            file.write(line + "\n")


def database_answers(dsn: str) -> bool:
    folder = parse_qs(urlsplit(dsn).query)["host"][0]
    return answers(Path(folder) / SOCKET)


def serve(given: dict[str, Any]) -> None:
    body = json.dumps({**given, "pid": os.getpid()}).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    listening = socket.socket(fileno=given["socket_fd"])
    server = HTTPServer(("", 0), Handler, bind_and_activate=False)
    server.socket.close()
    server.socket = listening
    with server:
        os.write(given["ready_fd"], b"1")
        server.serve_forever()


def work(given: dict[str, Any], settings: dict[str, Any]) -> None:
    if settings.get("worker_exit"):
        sys.exit(settings["worker_exit"])

    def stop(_number: int, _frame: object) -> None:
        if "journal" in settings:
            note(settings, f"worker stops, database answers: {database_answers(given['dsn'])}")
        sys.exit(0)

    signal.signal(signal.SIGTERM, signal.SIG_IGN if settings.get("stubborn") else stop)
    note(settings, f"worker {given['worker']}")
    serve(given)


def main() -> None:
    given = json.load(sys.stdin)
    settings = json.loads(given["settings"])
    if sys.argv[1] == "migrate":
        note(settings, "migrate")
        sys.exit(settings.get("migrate_exit", 0))
    work(given, settings)


if __name__ == "__main__":
    main()
