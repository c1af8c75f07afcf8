"""TLS by ourselves, for who runs no proxy."""

from __future__ import annotations

import ssl
from pathlib import Path

from apserver.errors import ConfigProblem


def server_context(cert: Path | None, key: Path | None) -> ssl.SSLContext | None:
    """TLS 1.2 or later with this certificate chain and private key, both PEM files.

    None, plain HTTP, when there are none. ConfigProblem when they cannot be read or do not belong
    together.
    """
    if cert is None or key is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    for label, path in (("cert", cert), ("key", key)):
        _check_readable(label, path)
    try:
        # A password keeps OpenSSL from asking for one at the terminal.
        context.load_cert_chain(cert, key, password="")
    except (ssl.SSLError, ValueError) as error:
        raise ConfigProblem(
            f"[tls] cert = {cert} and key = {key} cannot be used: {_reason(error)}"
        ) from error
    return context


def _check_readable(label: str, path: Path) -> None:
    try:
        path.read_bytes()
    except OSError as error:
        raise ConfigProblem(
            f"[tls] {label} = {path} cannot be read: {error.strerror}. "
            "Let the user that runs apserver read it"
        ) from error


def _reason(error: Exception) -> str:
    reason = getattr(error, "reason", None) or ""
    if "MISMATCH" in reason:
        return "the key is not that of the certificate. Set the two that were made together"
    return (
        "not PEM, or the key is encrypted. cert holds the certificate and those of its "
        "authorities, key the private key in plain"
    )
