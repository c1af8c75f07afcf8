"""The files of certificates that the settings name, looked at before anything is started."""

from __future__ import annotations

from apserver.config import Settings


def check_certificates(settings: Settings) -> None:
    """That `[tls]` and `[federation] ca_file` can be used; ConfigProblem with its cure if not."""
    from apserver.net.trust import trusting  # late: help needs no OpenSSL
    from apserver.serve.tls import server_context

    server_context(settings.tls.cert, settings.tls.key)
    trusting(settings.federation.ca_file)
