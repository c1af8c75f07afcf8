"""`apserver doctor`: what it finds, and the cure that it names."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiohttp import web

from tests.cli.program import apserver, command
from tests.conftest import StartServer, free_port
from tests.doubles.authority import Authority
from tests.doubles.careless_proxy import CarelessProxy
from tests.doubles.server import Server

Found = dict[str, dict[str, str]]


@pytest.fixture
async def proxy() -> AsyncIterator[CarelessProxy]:
    async with CarelessProxy.running() as running:
        yield running


async def examine(server: Server, *, fails: bool) -> Found:
    """Run the doctor; its checks by name. The exit code and "ok" must say whether any fails."""
    done = await command(server, "doctor", "--json")
    result: dict[str, Any] = json.loads(done.out)
    assert (done.code, result["ok"]) == ((1, False) if fails else (0, True)), done.out
    checks: list[dict[str, str]] = result["checks"]
    assert all(check["cure"] for check in checks if check["state"] != "ok")
    return {check["name"]: check for check in checks}


async def proxied(start_server: StartServer, proxy: CarelessProxy, **settings: object) -> Server:
    """A server whose origin is the proxy's."""
    port = free_port()
    proxy.upstream = f"127.0.0.1:{port}"
    listen = {"listen": proxy.upstream, "port": port}
    return await start_server(origin=proxy.origin, **listen, **settings)


async def test_all_is_well_with_a_server_that_runs(
    start_server: StartServer, proxy: CarelessProxy
) -> None:
    server = await proxied(start_server, proxy)
    server.folder.chmod(0o700)
    found = await examine(server, fails=False)
    assert {check["state"] for check in found.values()} == {"ok"}
    assert set(found) == {
        *("configuration", "data folder", "disk", "secret", "database", "clock"),
        *("migrations", "keys", "work", "port", "origin", "proxy"),
    }
    assert server.id("instance") in found["origin"]["detail"]
    text = (await command(server, "doctor")).out
    assert text.count("\nok    ") == len(found) - 1


async def test_it_changes_nothing(tmp_path: Path) -> None:
    port = free_port()
    environ = {
        "APSERVER__ORIGIN": f"http://127.0.0.1:{port}",
        "APSERVER__LISTEN": f"127.0.0.1:{port}",
        "APSERVER__FEDERATION__ALLOW_HTTP": "true",
        "APSERVER__FEDERATION__ALLOW_NETWORKS": "127.0.0.0/8",
        "APSERVER__DATA_DIR": str(tmp_path / "data"),
    }
    done = apserver("doctor", "--json", cwd=tmp_path, **environ)
    assert done.code == 0  # nothing is broken: it has only not been started
    states = {one["name"]: one["state"] for one in json.loads(done.out)["checks"]}
    for name in ("data folder", "database", "port", "origin"):
        assert states[name] == "warn"
    assert list(tmp_path.iterdir()) == []


def test_a_cure_names_the_configuration_file(tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text('origin = "https://x.example"\nlisten = "nowhere"\n')
    done = apserver("doctor", "--json", "--config", "my.toml", cwd=tmp_path)
    [check] = json.loads(done.out)["checks"]
    assert check["cure"].endswith("apserver --config my.toml config check")


async def test_the_version_of_postgresql_is_the_whole_one(server: Server) -> None:
    [row] = await server.rows("SHOW server_version")
    detail = (await examine(server, fails=False))["database"]["detail"]
    assert detail == f"PostgreSQL {row['server_version'].split()[0]}"


def test_a_folder_that_cannot_be_entered(tmp_path: Path) -> None:
    environ = {"APSERVER__ORIGIN": "https://x.example", "APSERVER__DATA_DIR": "x" * 300}
    done = apserver("doctor", "--json", cwd=tmp_path, **environ)
    checks = {check["name"]: check for check in json.loads(done.out)["checks"]}
    assert (done.code, checks["data folder"]["state"]) == (1, "fail")
    assert "set another data_dir" in checks["data folder"]["cure"]


def test_a_configuration_that_cannot_be_used(tmp_path: Path) -> None:
    done = apserver("doctor", "--json", cwd=tmp_path)
    assert done.code == 1
    [check] = json.loads(done.out)["checks"]
    assert (check["name"], check["state"]) == ("configuration", "fail")
    assert "origin is not set" in check["detail"]


async def serve_a_page(request: web.Request) -> web.Response | None:
    return web.Response(text="<html>Welcome", content_type="text/html")


async def hide_well_known(request: web.Request) -> web.Response | None:
    return web.Response(status=404) if "well-known" in request.path else None


async def lead_elsewhere(request: web.Request) -> web.Response | None:
    return web.Response(status=301, headers={"Location": f"https://www.example{request.path}"})


async def test_what_a_proxy_may_spoil(start_server: StartServer, proxy: CarelessProxy) -> None:
    """The usual mistakes, each found and named with its cure."""
    server = await proxied(start_server, proxy)
    upstream = proxy.upstream
    for drop, spoil, reached, name, detail, cure in (
        ({"Host"}, None, True, "origin", "421", "Host"),
        ({"query"}, None, True, "origin", "query", "query"),
        ({"Authorization"}, None, True, "proxy", "token", "Authorization"),
        (set(), None, False, "origin", "502", str(upstream)),
        (set(), hide_well_known, True, "origin", "404", "/.well-known/"),
        (set(), lead_elsewhere, True, "origin", "https://www.example", "origin"),
        (set(), serve_a_page, True, "origin", "not apserver", "/.well-known/"),
    ):
        proxy.drop, proxy.spoil = drop, spoil
        proxy.upstream = upstream if reached else None
        check = (await examine(server, fails=True))[name]
        assert check["state"] == "fail", name
        assert detail in check["detail"], check
        assert cure in check["cure"], check


async def test_another_server_at_the_origin_is_told_apart(
    start_server: StartServer, proxy: CarelessProxy
) -> None:
    server = await proxied(start_server, proxy)
    other = await start_server()

    async def answer_as_other(request: web.Request) -> web.Response | None:
        link = {"rel": "self", "type": "application/activity+json", "href": other.id("instance")}
        return web.json_response({"links": [link]})

    proxy.spoil = answer_as_other
    check = (await examine(server, fails=True))["origin"]
    assert other.id("instance") in check["detail"]


async def test_the_handle_host_must_lead_here(
    start_server: StartServer, proxy: CarelessProxy
) -> None:
    """With handles on another host than the origin's, that one is asked too."""
    handle_host = urlsplit(proxy.origin).netloc
    server = await start_server(handle_host=handle_host)
    check = (await examine(server, fails=True))["handle host"]
    assert check["state"] == "fail"
    assert f"https://{handle_host}/.well-known/webfinger" in check["cure"]
    proxy.upstream = urlsplit(server.origin).netloc
    check = (await examine(server, fails=False))["handle host"]
    assert check["state"] == "ok"

    async def redirect(request: web.Request) -> web.Response | None:
        location = f"{server.origin}{request.raw_path}"
        return web.Response(status=307, headers={"Location": location})

    proxy.spoil = redirect
    assert (await examine(server, fails=False))["handle host"]["state"] == "ok"


async def test_a_certificate_that_nobody_trusts(start_server: StartServer, tmp_path: Path) -> None:
    files = Authority.at(tmp_path).certify("127.0.0.1")
    server = await start_server(tls__cert=files.cert, tls__key=files.key)
    check = (await examine(server, fails=True))["origin"]
    assert "CERTIFICATE_VERIFY_FAILED" in check["detail"]
    assert "fullchain.pem" in check["cure"]
    assert "ca_file" in check["cure"]


async def test_a_closed_network_is_a_warning(start_server: StartServer) -> None:
    server = await start_server(federation__allow_networks="10.0.0.0/8")
    check = (await examine(server, fails=False))["origin"]
    assert check["state"] == "warn"
    assert "allow_networks" in check["cure"]


async def test_the_data_folder_and_its_secret(
    start_server: StartServer, proxy: CarelessProxy
) -> None:
    server = await proxied(start_server, proxy)
    secret = server.folder / "secret"
    server.folder.chmod(0o755)
    secret.chmod(0o644)
    found = await examine(server, fails=False)
    assert (found["data folder"]["state"], found["secret"]["state"]) == ("warn", "warn")
    assert f"chmod 600 {secret}" in found["secret"]["cure"]
    assert f"chmod 700 {server.folder}" in found["data folder"]["cure"]

    kept = secret.read_bytes()
    secret.write_bytes(b"\0" * 32)
    assert (await examine(server, fails=True))["keys"]["state"] == "fail"
    secret.write_bytes(kept[:-1])
    assert "31 bytes" in (await examine(server, fails=True))["secret"]["detail"]
    secret.unlink()
    found = await examine(server, fails=True)
    assert "from the backup" in found["keys"]["cure"]
    assert not secret.exists()


async def test_the_database_must_be_ours_and_up_to_date(server: Server) -> None:
    await server.rows("UPDATE server SET origin = 'https://other.example'")
    check = (await examine(server, fails=True))["migrations"]
    assert "belongs to https://other.example" in check["detail"]
    done = await server.rows("DELETE FROM migration RETURNING name")
    try:
        found = await examine(server, fails=False)
    finally:  # other tests use this database again
        for row in done:
            await server.rows("INSERT INTO migration (name) VALUES ($1)", row["name"])
    assert (found["migrations"]["state"], "keys" in found) == ("warn", False)
    assert "0001" in found["migrations"]["detail"]


async def test_a_database_that_is_not_there(server: Server) -> None:
    server.dsn = server.dsn.replace("/test_", "/nothing_")
    check = (await examine(server, fails=True))["database"]
    assert "does not exist" in check["detail"]
    server.dsn = f"postgresql://me:hunter2@127.0.0.1:{free_port()}/ap"
    check = (await examine(server, fails=True))["database"]
    assert "does not answer" in check["detail"]
    assert "hunter2" not in json.dumps(check)


async def test_work_that_nobody_does_is_seen(server: Server) -> None:
    await server.rows(
        "INSERT INTO host (bucket, host, next_at, lease_until)"
        " VALUES (1, 'slow.example', now() - interval '10 minutes', now() + interval '1 hour')"
    )
    check = (await examine(server, fails=True))["work"]
    assert "10 minutes" in check["detail"]
    await server.rows("DELETE FROM host")
    await server.rows(
        "INSERT INTO job (bucket, id, kind, activity, parked_at)"
        " VALUES (1, gen_random_uuid(), 'apply', gen_random_uuid(), now())"
    )
    check = (await examine(server, fails=False))["work"]
    assert (check["state"], check["detail"][:18]) == ("warn", "1 jobs were given ")


async def test_another_program_at_the_port(start_server: StartServer, proxy: CarelessProxy) -> None:
    server = await start_server(listen=urlsplit(proxy.origin).netloc)
    proxy.spoil = serve_a_page
    check = (await examine(server, fails=True))["port"]
    assert "another program" in check["detail"]
