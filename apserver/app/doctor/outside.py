"""The server from outside: the port that it listens on, and what the world sees at its origin.

What can be wrong between the world and the server is mostly a proxy that does not pass something
on. The instance actor is asked for by WebFinger, since that question needs everything at once:
name, certificate, Host header, path and query.
"""

from __future__ import annotations

import ipaddress
from collections.abc import AsyncIterator

from apserver.app.doctor.checks import Check
from apserver.app.outgoing import client_of
from apserver.config import Settings
from apserver.core.names import INSTANCE, Names, collection_id
from apserver.core.origin import Handle, host_of
from apserver.core.vocabulary import ACTIVITY_JSON, PROBLEM_JSON
from apserver.core.webfinger import parse_jrd, webfinger_url
from apserver.errors import ApserverError, BadInput, RemoteTrouble, Unreachable, Why
from apserver.net.budget import Budget
from apserver.net.client import Answer, Client
from apserver.net.discover import Discoverer

_PROBE_S = 5.0
_PROBE_BYTES = 64 << 10
_DEAD_PROXY = frozenset({502, 503, 504})
_START = "Start the server: apserver serve"

_CURES: dict[Why, str] = {
    "address": "Others see what public DNS says. If this address is meant, add its network to "
    "[federation] allow_networks",
    "name": "Give the name an A or AAAA record",
    "connection": "Start the proxy, and let the port through the firewall",
    "tls": "The certificate must be valid for this host and come with its chain (fullchain.pem). "
    "For an authority of your own, set [federation] ca_file",
    "time": "Let the port through the firewall",
    "answer": "Something else answers there: let the proxy pass this host to apserver",
}


async def examine_outside(settings: Settings) -> AsyncIterator[Check]:
    """The port, the origin, the handle host and the proxy in between."""
    serving = await _port(settings)
    yield serving
    client = client_of(settings)
    await client.open()
    try:
        origin = await _origin(client, settings, serving=serving.state == "ok")
        yield origin
        if settings.handle_host != host_of(settings.origin):
            yield await _handle_host(client, settings)
        if origin.state == "ok":
            yield await _authorization(client, settings)
    finally:
        await client.close()
    if behind_proxy(settings):
        yield _client_addresses(settings)


async def _port(settings: Settings) -> Check:
    """Whether this server answers where it listens."""
    host, port = settings.listen_address
    if port == 0:
        return Check(
            "port", "warn", "listen has port 0: any port", "Set a port that stays the same"
        )
    address = _reachable(host)
    client = Client(
        origin=settings.origin,
        allow_http=True,
        allow_networks=[ipaddress.ip_network(address)],
        ca_file=None,
    )
    await client.open()
    scheme = "http" if settings.tls.cert is None else "https"
    shown = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    try:
        return _judge_port(shown, await _get(client, f"{scheme}://{shown}/readyz"))
    except Unreachable as error:
        if error.why == "tls" and scheme == "https":
            return Check("port", "ok", f"{shown} speaks TLS")  # its certificate is for the origin
        return Check("port", "warn", f"nobody answers at {shown}", _START)
    finally:
        await client.close()


def _reachable(host: str) -> str:
    """An address at which a server can be called that listens on this one."""
    address = ipaddress.ip_address(host)
    if not address.is_unspecified:
        return str(address)
    return "127.0.0.1" if address.version == 4 else "::1"


def _judge_port(shown: str, answer: Answer) -> Check:
    if answer.body == b"ready\n":
        return Check("port", "ok", f"{shown} answers and is ready")
    if answer.status == 503:
        cure = "Look into the log of the server: it cannot reach PostgreSQL"
        return Check("port", "fail", f"{shown} answers, but is not ready", cure)
    cure = "Stop that program, or set another port in listen"
    return Check("port", "fail", f"{shown} is answered by another program", cure)


async def _origin(client: Client, settings: Settings, *, serving: bool) -> Check:
    scheme = settings.origin.partition("://")[0]
    asked = webfinger_url(Handle(INSTANCE, host_of(settings.origin)), scheme=scheme)
    try:
        answer = await _get(client, asked)
    except Unreachable as error:
        if error.why == "address":
            return Check("origin", "warn", str(error), _CURES[error.why])
        if error.why == "connection" and not serving:
            cure = f"Start the proxy, too. {_START}"
            return Check("origin", "warn", str(error), cure)
        return Check("origin", "fail", str(error), _CURES[error.why])
    return judge_origin(answer, settings, serving=serving)


def judge_origin(answer: Answer, settings: Settings, *, serving: bool) -> Check:
    """What the answer at the origin to WebFinger for the instance actor says of the proxy."""
    instance = Names(settings.origin).instance
    by_us = answer.headers.get("content-type", "").startswith(PROBLEM_JSON)
    status = f"{settings.origin} answers {answer.status}"
    if answer.status == 200:
        return _judge_actor("origin", answer, instance)
    if answer.status == 421:
        cure = (
            "The proxy must pass the Host header on unchanged. In nginx: "
            "proxy_set_header Host $http_host"
        )
        return Check("origin", "fail", f"{status}: it does not know its own name", cure)
    if answer.status in (301, 302, 303, 307, 308):
        leads = f"{settings.origin} leads on to {answer.headers.get('location', 'nowhere')}"
        cure = "Let the proxy answer under the name in origin itself, for every path"
        return Check("origin", "fail", leads, cure)
    if answer.status == 400 and by_us:
        cure = "The proxy must pass the query on: without a rewriting rule, or with $request_uri"
        return Check("origin", "fail", f"{status}: the query was lost on the way", cure)
    if answer.status in _DEAD_PROXY:
        cure = f"Let the proxy pass requests to {settings.listen}"
        cure = cure if serving else _START
        return Check("origin", "fail", f"{status}: the proxy does not reach apserver", cure)
    if by_us:
        return Check("origin", "fail", status, "Is another apserver behind this name?")
    cure = f"Let the proxy pass every path of this host to {settings.listen}, /.well-known/ too"
    return Check("origin", "fail", f"{status}, which is not the word of apserver", cure)


def _judge_actor(name: str, answer: Answer, instance: str) -> Check:
    try:
        actor = parse_jrd(answer.body, allow_http=True).actor
    except BadInput:
        cure = "Let the proxy pass every path of this host to apserver, /.well-known/ too"
        return Check(name, "fail", "what answers there is not apserver", cure)
    if actor != instance:
        cure = "Mend origin, or the name in DNS: this is another server"
        return Check(name, "fail", f"the actor there is {actor}, not {instance}", cure)
    return Check(name, "ok", f"the world finds {instance}")


async def _handle_host(client: Client, settings: Settings) -> Check:
    """Whether handles lead here, though their host is another one."""
    host, instance = settings.handle_host, Names(settings.origin).instance
    cure = (
        f"Let https://{host}/.well-known/webfinger lead to {settings.origin}/.well-known/webfinger "
        "with its query: by the proxy, or by a redirect"
    )
    discoverer = Discoverer(client, allow_http=settings.federation.allow_http)
    try:
        found = await discoverer.actor(Handle(INSTANCE, host), Budget())
    except Unreachable as error:
        return Check("handle host", "fail", str(error), _CURES[error.why])
    except ApserverError as error:
        return Check("handle host", "fail", str(error), cure)
    if found.actor != instance:
        return Check("handle host", "fail", f"{host} leads to {found.actor}", cure)
    return Check("handle host", "ok", f"@{INSTANCE}@{host} leads to {instance}")


async def _authorization(client: Client, settings: Settings) -> Check:
    """A wrong token must be refused; when it is not, it has not arrived."""
    outbox = collection_id(Names(settings.origin).instance, "outbox")
    try:
        answer = await _get(client, outbox, Authorization="Bearer none", Accept=ACTIVITY_JSON)
    except RemoteTrouble as error:
        return Check("proxy", "fail", str(error), "Let the proxy pass every path of this host")
    if answer.status == 401:
        return Check("proxy", "ok", "Host, query and Authorization are passed on")
    cure = "The proxy must pass the Authorization header on and keep no answers that hang on it"
    return Check("proxy", "fail", f"a wrong token was answered with {answer.status}", cure)


def behind_proxy(settings: Settings) -> bool:
    """Whether the world cannot call the server but through a proxy."""
    host, _ = settings.listen_address
    by_tls = settings.origin.startswith("https:") and settings.tls.cert is None
    return by_tls and ipaddress.ip_address(host).is_loopback


def _client_addresses(settings: Settings) -> Check:
    if settings.server.trusted_proxies or not settings.limits.requests_per_minute:
        return Check("client addresses", "ok", "told by the proxy, or of no account")
    return Check(
        "client addresses",
        "warn",
        "all that comes through the proxy counts as one client, and is limited as one",
        f'Set trusted_proxies = ["{settings.listen_address[0]}"] under [server]',
    )


async def _get(client: Client, url: str, **headers: str) -> Answer:
    return await client.send(
        "GET",
        url,
        headers=headers,
        budget=Budget(),
        deadline_s=_PROBE_S,
        max_bytes=_PROBE_BYTES,
    )
