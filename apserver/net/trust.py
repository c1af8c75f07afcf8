"""Which authorities are believed when they say whose a certificate is."""

from __future__ import annotations

import ssl
from pathlib import Path

from apserver.errors import ConfigProblem


def trusting(ca_file: Path | None) -> ssl.SSLContext:
    """TLS that trusts the authorities of the system, and besides them those of the file.

    ConfigProblem when it cannot be used.
    """
    context = ssl.create_default_context()
    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except (OSError, ssl.SSLError) as error:
            raise ConfigProblem(
                f"[federation] ca_file = {ca_file} cannot be used: {error}. "
                "It must hold certificates of authorities as PEM"
            ) from error
    return context
