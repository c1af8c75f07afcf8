"""TLS by ourselves, and trust in an authority of one's own."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from apserver.config import load
from apserver.errors import ConfigProblem
from apserver.net.client import Client
from apserver.serve.tls import server_context
from tests.cli.program import apserver
from tests.conftest import StartServer, free_port
from tests.doubles.authority import Authority, Files, private_pem
from tests.doubles.server import PUBLIC, Server, until

HSTS = "Strict-Transport-Security"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """An authority that no system trusts."""
    return Authority.at(tmp_path)


@pytest.fixture
def files(authority: Authority) -> Files:
    """A certificate for loopback."""
    return authority.certify("127.0.0.1", "social.example")


async def https_server(start_server: StartServer, authority: Authority, *actors: str) -> Server:
    """A server that speaks TLS and trusts the authority."""
    cert, key = authority.certify("127.0.0.1")
    return await start_server(
        *actors,
        tls__cert=cert,
        tls__key=key,
        federation__ca_file=authority.ca_file,
        federation__allow_http="false",
    )


async def test_two_servers_federate_over_https(
    start_server: StartServer, authority: Authority
) -> None:
    """A private authority is enough for both directions: keys and actors are fetched and
    activities delivered over TLS that is checked. Plain HTTP is not even allowed."""
    one = await https_server(start_server, authority, "ann")
    other = await https_server(start_server, authority, "bob")
    assert one.origin.startswith("https://127.0.0.1:")
    follow = await one.post("ann", {"type": "Follow", "object": other.id("bob")})
    assert follow.status == 201

    async def follows() -> bool:
        return await one.items("ann", "following", as_="ann") == [other.id("bob")]

    await until(follows)
    note = await other.note("bob", "over TLS", PUBLIC, cc=[f"{other.id('bob')}/followers"])

    async def arrived() -> bool:
        return note["id"] in [item["id"] for item in await one.items("ann", "inbox", as_="ann")]

    await until(arrived)


async def test_an_unknown_authority_is_not_trusted(
    start_server: StartServer, authority: Authority
) -> None:
    """WF-11: no certificate, no answer; and nothing goes out in plain instead."""
    server = await https_server(start_server, authority, "ann")
    stranger = await start_server("bob")
    reply = await stranger.post("bob", {"type": "Follow", "object": server.id("ann")})
    assert reply.status == 201

    async def failed() -> list[str]:
        rows = await stranger.rows("SELECT error FROM job WHERE error IS NOT NULL")
        return [row["error"] for row in rows]

    [error] = await until(failed)
    assert "certificate" in error.lower()
    assert await server.rows("SELECT 1 FROM activity") == []


async def test_the_authorities_of_the_system_are_trusted_too(
    start_server: StartServer, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The setting says "besides": with the file alone, no other server could be reached."""
    folder = tmp_path / "system"
    folder.mkdir()
    system = Authority.at(folder)
    monkeypatch.setenv("SSL_CERT_FILE", str(system.ca_file))  # openssl-env(7)
    public = await https_server(start_server, system, "bob")
    private = await https_server(start_server, authority, "ann")
    follow = await private.post("ann", {"type": "Follow", "object": public.id("bob")})
    assert follow.status == 201

    async def refused() -> list[Any]:
        return await private.rows("SELECT last_error FROM host WHERE last_error IS NOT NULL")

    await until(refused)  # bob's server does not know the authority of ann's
    assert await public.rows("SELECT 1 FROM activity WHERE type = 'Follow'") == []
    assert await private.rows("SELECT 1 FROM actor WHERE id = $1", public.id("bob"))


async def test_WF_01_plain_http_is_not_answered(
    start_server: StartServer, authority: Authority
) -> None:
    """WF-01: on a port that speaks TLS there is no JRD without it."""
    server = await https_server(start_server, authority, "ann")
    path = f"/.well-known/webfinger?resource={server.id('ann')}"
    assert (await server.get(path)).json["aliases"] == [server.id("ann")]
    with pytest.raises(aiohttp.ClientError):
        await server.get(server.origin.replace("https:", "http:") + path)


async def test_https_is_for_good_where_the_host_is_ours(
    start_server: StartServer, files: Files
) -> None:
    """RFC 6797: told over our own TLS at the usual port; on another port, or over plain HTTP,
    the host may have other sites."""
    tls = {"tls__cert": files.cert, "tls__key": files.key, "federation__allow_http": "false"}
    ca_file = files.cert.parent / "ca.pem"
    trusted = {**tls, "federation__ca_file": ca_file}
    port = free_port()
    usual = await start_server(**trusted, port=port, origin="https://social.example")
    answer = await usual.get(f"https://127.0.0.1:{port}/livez", Host="social.example")
    assert int(answer.headers[HSTS].removeprefix("max-age=")) >= 31_536_000
    other = await start_server(**trusted)
    assert HSTS not in (await other.get("/livez")).headers
    port = free_port()
    plain = await start_server(port=port, origin="https://social.example")
    answer = await plain.get(f"http://127.0.0.1:{port}/livez", Host="social.example")
    assert HSTS not in answer.headers


def test_old_versions_are_not_spoken(files: Files) -> None:
    """RFC 8996."""
    context = server_context(*files)
    assert context is not None
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


def encrypted(files: Files) -> Files:
    key = load_pem_private_key(files.key.read_bytes(), None)
    files.key.write_bytes(private_pem(key, b"secret"))  # type: ignore[arg-type]
    return files


def swapped(files: Files) -> Files:
    return Files(files.key, files.cert)


def of_another(files: Files) -> Files:
    folder = files.cert.parent / "another"
    folder.mkdir()
    return Files(files.cert, Authority.at(folder).certify("127.0.0.1").key)


def emptied(files: Files) -> Files:
    files.cert.write_text("")
    return files


def removed(files: Files) -> Files:
    files.key.unlink()
    return files


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (encrypted, "encrypted"),
        (swapped, "not PEM"),
        (of_another, "not that of the certificate"),
        (emptied, "not PEM"),
        (removed, "No such file"),
    ],
)
def test_files_that_cannot_be_used(files: Files, spoil: object, why: str) -> None:
    """The message names the keys, the files, and what to do."""
    assert callable(spoil)
    cert, key = spoil(files)
    with pytest.raises(ConfigProblem) as refused:
        server_context(cert, key)
    assert "[tls]" in str(refused.value)
    assert str(key) in str(refused.value)
    assert why in str(refused.value)


def test_serve_ends_with_78_before_it_starts_anything(files: Files, tmp_path: Path) -> None:
    _, key = of_another(files)
    ended = apserver(
        "serve",
        cwd=tmp_path,
        APSERVER__ORIGIN="https://social.example",
        APSERVER__DATA_DIR="data",
        APSERVER__TLS__CERT=str(files.cert),
        APSERVER__TLS__KEY=str(key),
    )
    assert ended.code == 78
    assert ended.err.startswith("apserver: [tls] cert = ")
    assert ended.err.count("\n") == 1
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("given", ["cert", "key"])
def test_one_file_is_not_enough(files: Files, tmp_path: Path, given: str) -> None:
    environ = {
        "APSERVER__ORIGIN": "https://social.example",
        f"APSERVER__TLS__{given.upper()}": str(getattr(files, given)),
    }
    with pytest.raises(ConfigProblem, match=rf"\[tls\] {given} is set and \w+ is not"):
        load(None, environ, cwd=tmp_path)


def test_tls_needs_an_https_origin(files: Files, tmp_path: Path) -> None:
    environ = {
        "APSERVER__ORIGIN": "http://127.0.0.1:8080",
        "APSERVER__FEDERATION__ALLOW_HTTP": "true",
        "APSERVER__TLS__CERT": str(files.cert),
        "APSERVER__TLS__KEY": str(files.key),
    }
    with pytest.raises(ConfigProblem, match=r"origin = .* Allowed: an origin that starts with"):
        load(None, environ, cwd=tmp_path)


@pytest.mark.parametrize("content", ["", "no certificate"])
async def test_a_bad_file_of_authorities_is_told(tmp_path: Path, content: str) -> None:
    path = tmp_path / "bad-ca.pem"
    path.write_text(content)
    client = Client(origin="https://me.example", allow_http=False, allow_networks=(), ca_file=path)
    with pytest.raises(ConfigProblem, match=r"\[federation\] ca_file = .*bad-ca.pem"):
        await client.open()
