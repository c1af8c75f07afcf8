"""The OpenAPI description is that of the server: of every route, and true (issue 6, point 5).

Whether it is true is asked by schemathesis, a program of other authors: it makes requests of what
the description allows and of what it forbids, always the same ones, and looks whether the answers
are those that it promises.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from apserver.resources import schemas_folder
from apserver.serve.openapi import description_of
from apserver.serve.operations import OPERATIONS
from apserver.serve.routes import ROUTES
from tests.conftest import StartServer
from tests.doubles.name_server import NameServerDouble
from tests.doubles.server import PUBLIC, Server
from tests.flows.site_steps import issue, start_site, told, user

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_headers_conformance,response_schema_conformance,negative_data_rejection,"
    "unsupported_method,allow_header_conformance,ignored_auth"
)
REFUSALS = [400, 401, 403, 404, 405, 409, 410, 413, 415, 422]
EXAMPLES = 20  #: requests for one operation
POSTED = 150  #: the same for what is posted to an outbox


def described() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(description_of(ROUTES, "https://social.example"))
    return document


def test_every_route_is_described_and_nothing_else() -> None:
    routes = {(route.method, route.template) for route in ROUTES}
    assert set(OPERATIONS) == routes
    methods = {
        (method.upper(), path) for path, one in described()["paths"].items() for method in one
    }
    assert {one for one in methods if "{collection}" in one[1]} == set()
    assert {one for one in routes if "{collection}" not in one[1]} <= methods


@pytest.mark.parametrize(
    "path", sorted((schemas_folder() / "api").glob("*.json")), ids=lambda p: p.stem
)
def test_every_schema_is_one(path: Path) -> None:
    """JSON Schema 2020-12; each reference leads to something."""
    jsonschema.Draft202012Validator.check_schema(json.loads(path.read_text()))
    document = described()
    for name in references(document):
        section, _, part = name.removeprefix("#/components/").partition("/")
        assert part in document["components"][section], name


def references(value: Any) -> set[str]:
    if isinstance(value, list):
        return set().union(*map(references, value))
    if not isinstance(value, dict):
        return set()
    own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
    return own.union(*map(references, value.values()))


async def test_the_description_is_found(server: Server) -> None:
    """G11, RFC 8631: from the root, and from an actor."""
    for place in ("/", "/actors/ann"):
        link = (await server.get(place)).headers["Link"]
        assert (
            link == f'<{server.origin}/openapi.json>; rel="service-desc"; type="application/json"'
        )
    document = (await server.get("/openapi.json")).json
    assert document["openapi"].startswith("3.1.")
    assert document["servers"] == [{"url": server.origin}]


async def things(server: Server) -> dict[str, list[str]]:
    """Texts that mean something here, by what they are."""
    note = await server.note("ann", "for all #tag", PUBLIC)
    other = await server.note("bob", "for ann", server.id("ann"))
    gone = await server.note("ann", "deleted", PUBLIC)
    await server.post("ann", {"type": "Delete", "object": gone["object"]["id"]})
    await told(server, "lee", "opened", object={"id": issue(7), "type": "Document", "name": "7"})
    activities = [one["id"] for one in (note, other, gone)]
    objects = [one["object"]["id"] for one in (note, other, gone)]
    actors = [server.id("ann"), server.id("bob")]
    return {
        "ids": [*activities, *objects, *actors, issue(7), PUBLIC, f"{server.id('ann')}/featured"],
        "activities": [one.rpartition("/")[2] for one in activities],
        "objects": [one.rpartition("/")[2] for one in objects],
        "handles": [*actors, server.handles["ann"], "acct:nobody@nowhere.example"],
        "things": [issue(7), issue(8)],
        "users": [user("lee"), user("kim"), issue(7)],
        "names": ["ann", "bob", "instance"],
        "streams": ["home", "news"],
        "tags": ["tag", "none"],
        "types": ["Note", "Document"],
    }


def configuration(server: Server, known: dict[str, list[str]]) -> str:
    """Of schemathesis: who asks, and what stands at times in place of any text."""
    bound = {
        "path.name": "names",
        "path.unique": "objects",
        "path.stream": "streams",
        "path.tag": "tags",
        "path.type": "types",
        "query.id": "things",
        "query.resource": "handles",
    }
    as_site = f'headers = {{Authorization = "Bearer {server.tokens["site"]}"}}'
    return "\n".join(
        [
            f'headers = {{Authorization = "Bearer {server.tokens["ann"]}"}}',
            'generation.dictionaries.string = {dictionary = "ids", probability = 0.5}',
            # What comes next hangs on no answer, so that each run is alike.
            "phases.fuzzing.extra-data-sources.responses = false",
            "phases.fuzzing.error-feedback.enabled = false",
            *(
                f"dictionaries.{name} = {{values = {json.dumps(one)}}}"
                for name, one in known.items()
            ),
            f"checks.negative_data_rejection.expected-statuses = {REFUSALS}",
            "[parameters]",
            *(f'"{at}" = {{dictionary = "{one}", probability = 0.8}}' for at, one in bound.items()),
            "[[operations]]",
            'include-path = "/activities/{unique}"',
            'parameters = {"path.unique" = {dictionary = "activities", probability = 0.8}}',
            "[[operations]]",
            'include-path = ["/outbox/bulk", "/things/pending"]',
            as_site,
            "[[operations]]",
            'include-path = "/outbox"',
            as_site,
            'generation.dictionaries.string = {dictionary = "users", probability = 0.9}',
            # What is wrong with one of many is told in its place, and the answer is 200.
            "[[operations]]",
            'include-path-regex = "/bulk$"',
            "checks.negative_data_rejection.enabled = false",
            # Nobody is there whom it could ask: 502.
            "[[operations]]",
            'include-path = "/proxy"',
            'checks.not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", "502", "504"]',
            "[[operations]]",
            'include-path = "/streams/custom/{stream}"',
            'parameters = {"path.stream" = "news"}',
            "[[operations]]",
            'include-name = "POST /actors/{name}/outbox"',
            'parameters = {"path.name" = "ann"}',
            f"generation.max-examples = {POSTED}",
        ]
    )


async def test_the_server_does_as_it_is_described(
    start_server: StartServer, tmp_path: Path
) -> None:
    """Nothing is asked beyond loopback: no name has an address."""
    async with NameServerDouble.running() as names:
        server = await start_site(
            start_server,
            *("ann", "bob"),
            federation__dns_servers=names.setting,
            streams=json.dumps({"news": {"filters": [{"verb": "opened"}]}}),
        )
        (tmp_path / "schemathesis.toml").write_text(configuration(server, await things(server)))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{server.origin}/openapi.json"),
            *("--checks", CHECKS, "--phases", "fuzzing", "--max-examples", str(EXAMPLES)),
            *("--generation-deterministic", "--no-shrink", "--no-color", "--continue-on-failure"),
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        assert process.returncode == 0, output.decode()
