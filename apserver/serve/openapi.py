"""The OpenAPI 3.1 description of the server, made from the table of routes, and the link to it.

Paths, who may ask, how much a request may carry and which refusals there are follow from the route;
what it is for, from `serve.operations`; the form of bodies, from the files in ``schemas/api``. A
route whose last part is one of several collections is described as one path for each.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from aiohttp import web

from apserver import __version__
from apserver.core import limits
from apserver.core.scopes import SCOPES
from apserver.serve.openapi_answers import answers_of, content_of, shared_answers
from apserver.serve.openapi_schemas import schemas
from apserver.serve.operations import COLLECTIONS, OPERATIONS, Operation, Parameters, optional_of
from apserver.serve.responses import reply
from apserver.serve.route import Route
from apserver.serve.site import site_of

PATH = "/openapi.json"
DESCRIPTION = web.AppKey("description", bytes)
_CACHE = "public, max-age=3600"
_VERSION = "3.1.1"

#: A parameter of a path as aiohttp writes it, with its pattern if it has one.
_PARAMETER = re.compile(r"\{(\w+)(?::((?:[^{}]|\{\d+\})+))?\}")
#: What is written with a parameter that need not be anything in particular.
_ANY_TEXT = {"type": "string", "minLength": 1}

_SECURITY = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token of an actor (RFC 6750), made by apserver token create NAME. "
        f"Scopes: {', '.join(SCOPES)}.",
    },
    "signature": {
        "type": "apiKey",
        "in": "header",
        "name": "Signature",
        "description": "An HTTP signature by an actor of another server (RFC 9421, or "
        "draft-cavage-http-signatures-12).",
    },
}


async def get_openapi(request: web.Request) -> web.Response:
    """The description."""
    body = request.app[DESCRIPTION]
    return reply(request, body, content_type="application/json", cache=_CACHE)


def link_to_description(request: web.Request) -> str:
    """The value of `Link` that leads to it (RFC 8631 4)."""
    place = f"{site_of(request).names.origin}{PATH}"
    return f'<{place}>; rel="service-desc"; type="application/json"'


def description_of(routes: Iterable[Route], origin: str) -> bytes:
    """The whole description, as JSON."""
    paths: dict[str, dict[str, Any]] = {}
    for route, operation, path, collection in _described(routes):
        told = _operation(route, operation, path, collection)
        paths.setdefault(path, {})[route.method.lower()] = told
    description = {
        "openapi": _VERSION,
        "info": {
            "title": "apserver",
            "version": __version__,
            "summary": "The ActivityPub API, streams of actions, and federation.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": origin}],
        "paths": paths,
        "components": {
            "schemas": schemas(),
            "responses": shared_answers(),
            "securitySchemes": _SECURITY,
        },
    }
    return json.dumps(description, ensure_ascii=False).encode()


def _described(
    routes: Iterable[Route],
) -> Iterator[tuple[Route, Operation, str, str | None]]:
    """Each path of each route, with the collection that it is, if it is one."""
    for route in routes:
        operation = OPERATIONS.get((route.method, route.template))
        if operation is None:
            continue
        if "{collection}" not in route.template:
            yield route, operation, route.template, None
            continue
        for name in _pattern(route, "collection").split("|"):
            yield route, operation, route.template.replace("{collection}", name), name


def _pattern(route: Route, parameter: str) -> str:
    """What a parameter of the path must match; empty when it may be anything."""
    found = {match[1]: match[2] or "" for match in _PARAMETER.finditer(route.path)}
    return found[parameter]


def _operation(
    route: Route, operation: Operation, path: str, collection: str | None
) -> dict[str, Any]:
    told: dict[str, Any] = {
        "operationId": f"{route.method.lower()} {path}",
        "tags": [operation.tag],
        "summary": operation.summary if collection is None else COLLECTIONS[collection],
        "parameters": [
            *(_in_path(route, name) for name in re.findall(r"\{(\w+)\}", path)),
            *_in_query(operation.required, required=True),
            *_in_query(optional_of(operation, collection), required=False),
            *_in_header(route),
        ],
        "security": _security(route),
        "responses": answers_of(route, operation),
    }
    if operation.takes is not None:
        told["description"] = f"A body has at most {route.body} bytes."
        told["requestBody"] = {"required": True, "content": content_of(operation.takes)}
    return told


def _security(route: Route) -> list[dict[str, list[str]]]:
    if route.who == "signature":
        return [{"signature": []}]
    by_token: dict[str, list[str]] = {"token": [route.scope]}
    if route.who == "token":
        return [by_token]
    return [{}, by_token, {"signature": []}] if route.cache == "by viewer" else []


def _in_path(route: Route, name: str) -> dict[str, Any]:
    pattern = _pattern(route, name)
    schema: dict[str, Any] = {**_ANY_TEXT, "pattern": f"^{pattern}$"} if pattern else _ANY_TEXT
    if "|" in pattern:
        schema = {"enum": pattern.split("|")}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _in_query(parameters: Parameters, *, required: bool) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "query", "required": required, "schema": schema}
        for name, schema in parameters.items()
    ]


def _in_header(route: Route) -> list[dict[str, Any]]:
    if route.scope == "read" or route.who != "token" or route.method != "POST":
        return []
    return [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "description": "The same request with the same key counts once in a day.",
            "schema": {**_ANY_TEXT, "maxLength": limits.IDEMPOTENCY_KEY},
        }
    ]
