"""What a server tells of itself: NodeInfo, host-meta, and the actor that speaks for it."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree

import pytest
from jsonschema import Draft4Validator

from apserver import __version__
from apserver.resources import schemas_folder
from tests.conftest import StartServer
from tests.doubles.server import AS2, Server

SCHEMA = "http://nodeinfo.diaspora.software/ns/schema/"
APPLICATION = "https://www.w3.org/ns/activitystreams#Application"
SERVICE = "https://www.w3.org/ns/activitystreams#Service"


def validator(version: str) -> Draft4Validator:
    """The published schema of a version; its source stands in NOTICE."""
    schema = json.loads((schemas_folder() / "nodeinfo" / f"{version}.json").read_bytes())
    Draft4Validator.check_schema(schema)
    assert schema["id"] == f"{SCHEMA}{version}#"
    return Draft4Validator(schema)


async def links(server: Server) -> dict[str, str]:
    reply = await server.get("/.well-known/nodeinfo", Accept="application/json")
    assert reply.status == 200
    return {link["rel"]: link["href"] for link in reply.json["links"]}


async def test_NI_01_the_links_lead_to_all_versions(server: Server) -> None:
    """NI-01, IO-09: the exact http: relations, and every href answers."""
    reply = await server.get("/.well-known/nodeinfo")
    assert reply.headers["Content-Type"] == "application/json"
    assert reply.headers["Access-Control-Allow-Origin"] == "*"
    found = await links(server)
    assert found[f"{SCHEMA}2.0"] == f"{server.origin}/nodeinfo/2.0"
    assert found[f"{SCHEMA}2.1"] == f"{server.origin}/nodeinfo/2.1"
    assert found[f"{SCHEMA}2.2"] == f"{server.origin}/nodeinfo/2.2"
    for href in found.values():
        assert (await server.get(href, Accept="application/json")).status == 200


@pytest.mark.parametrize("version", ["2.0", "2.1", "2.2"])
async def test_NI_03_the_documents_satisfy_their_schemas(server: Server, version: str) -> None:
    """NI-02, NI-03, IO-09."""
    reply = await server.get((await links(server))[SCHEMA + version])
    assert reply.headers["Content-Type"] == f'application/json; profile="{SCHEMA}{version}#"'
    assert [error.message for error in validator(version).iter_errors(reply.json)] == []
    assert reply.json["version"] == version
    assert reply.json["software"] == {"name": "apserver", "version": __version__}
    assert reply.json["protocols"] == ["activitypub"]
    assert reply.json["openRegistrations"] is False


@pytest.mark.parametrize(
    "change",
    [
        {"software": {"name": "Ap Server", "version": "1"}},
        {"software": {"name": "apserver"}},
        {"protocols": []},
        {"protocols": ["smtp"]},
        {"services": {"inbound": []}},
        {"usage": {}},
        {"usage": {"users": {"total": -1}}},
        {"openRegistrations": "no"},
        {"more": 1},
    ],
    ids=str,
)
async def test_NI_03_the_schemas_refuse_what_is_wrong(
    server: Server, change: dict[str, Any]
) -> None:
    """NI-03: so that a document that passes them is right."""
    for version in ("2.0", "2.1", "2.2"):
        document = (await server.get(f"/nodeinfo/{version}")).json
        assert not validator(version).is_valid({**document, **change})


async def test_NI_03_a_repository_is_named_in_the_newer_version_only(server: Server) -> None:
    """NI-03."""
    for version, valid in (("2.0", False), ("2.1", True)):
        document = (await server.get(f"/nodeinfo/{version}")).json
        document["software"]["repository"] = "https://example.org/apserver"
        assert validator(version).is_valid(document) is valid


async def test_NI_04_the_newest_version_tells_of_the_instance(server: Server) -> None:
    """NI-04: a member of its own, which is required there and not known before; and who was here
    this week may be counted."""
    document = (await server.get("/nodeinfo/2.2")).json
    assert document["instance"] == {}
    named = document | {"instance": {"name": "x" * 500, "description": "x" * 5_000}}
    counted = document | {"usage": {"users": {"activeWeek": 1}}}
    assert validator("2.2").is_valid(named)
    assert validator("2.2").is_valid(counted)
    assert not validator("2.2").is_valid(document | {"instance": {"name": "x" * 501}})
    assert not validator("2.1").is_valid(counted | {"version": "2.1"})
    del document["instance"]
    assert not validator("2.2").is_valid(document)
    assert "instance" not in (await server.get("/nodeinfo/2.1")).json


async def test_NI_05_the_counts_are_true(start_server: StartServer) -> None:
    """NI-05: actors are counted, without the server's own; what is not counted is left out. The
    count is kept for a while, so that nobody can make us count all day."""
    server = await start_server("ann", "bob", "cid")
    first = (await server.get("/nodeinfo/2.1")).json
    assert first["usage"] == {"users": {"total": 3}}
    await server.create_actor("dora")
    assert (await server.get("/nodeinfo/2.0")).json["usage"] == first["usage"]


async def test_NI_07_nodeinfo_leads_to_the_actor_of_the_server(server: Server) -> None:
    """NI-07, IO-08: it is an Application and needs no signature to be fetched."""
    href = (await links(server))[APPLICATION]
    reply = await server.get(href, Accept=AS2)
    assert reply.status == 200
    assert (reply.json["id"], reply.json["type"]) == (href, "Application")


async def test_WF_10_the_root_of_the_server_leads_to_its_actor(start_server: StartServer) -> None:
    """WF-10, IO-08 (FEP-d556): on both hosts, in one answer with one link of each relation."""
    server = await start_server(handle_host="example.org")
    id_ = server.id("instance")
    answers = [
        await webfinger(server, resource)
        for resource in (
            server.origin,
            f"{server.origin}/",
            "https://example.org",
            "https://EXAMPLE.org/",
            "acct:instance@example.org",
            id_,
        )
    ]
    by_rel = {link["rel"]: link for link in answers[0]["links"]}
    assert len(by_rel) == len(answers[0]["links"])
    for rel in ("self", SERVICE):
        assert (by_rel[rel]["type"], by_rel[rel]["href"]) == (AS2, id_)
    assert [one for one in answers if one != answers[0]] == []


async def test_HM_01_host_meta_leads_to_webfinger(server: Server) -> None:
    """HM-01, IO-09: as XRD, and as JSON by suffix and by Accept."""
    template = f"{server.origin}/.well-known/webfinger?resource={{uri}}"
    xrd = await server.get("/.well-known/host-meta")
    assert xrd.headers["Content-Type"] == "application/xrd+xml"
    root = ElementTree.fromstring(xrd.text)
    assert root.tag == "{http://docs.oasis-open.org/ns/xri/xrd-1.0}XRD"
    [link] = root
    assert (link.get("rel"), link.get("template")) == ("lrdd", template)
    for reply in (
        await server.get("/.well-known/host-meta.json"),
        await server.get("/.well-known/host-meta", Accept="application/json"),
        await server.get("/.well-known/host-meta", Accept="application/jrd+json"),
    ):
        assert reply.headers["Content-Type"] == "application/jrd+json"
        [link] = reply.json["links"]
        assert (link["rel"], link["template"]) == ("lrdd", template)
    found = await server.get(template.replace("{uri}", server.id("ann")))
    assert found.json["aliases"] == [server.id("ann")]


async def webfinger(server: Server, resource: str) -> Any:
    """The JRD of a resource."""
    reply = await server.get(f"/.well-known/webfinger?resource={resource}")
    assert reply.status == 200, reply.text
    return reply.json
