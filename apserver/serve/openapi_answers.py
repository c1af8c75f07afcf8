"""The answers of the OpenAPI description: which statuses a route has, with what in them."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from aiohttp import hdrs

from apserver.core.vocabulary import HTML, PROBLEM_JSON
from apserver.serve.openapi_schemas import component
from apserver.serve.operations import Content, Operation
from apserver.serve.route import Route

#: A refusal; whoever prefers HTML gets a page that says the same.
_REFUSED = (Content((PROBLEM_JSON,), "problem"), Content((HTML,)))
#: Refusals of every route, of those that look who asks, and of those with a body.
_ALWAYS = (400, 421, 429, 503)
_OF_VIEWERS = (401, 403, 404)
_OF_BODIES = (401, 403, 408, 413, 415)
_OF_TOKENS = (401, 403)
_REFUSALS = (*_OF_BODIES, 404, 409, 410, 422, 502, 504, *_ALWAYS)

_TEXT = {"schema": {"type": "string"}}
#: Headers that are always there with a status, besides the number of the request.
_HEADERS = {
    201: hdrs.LOCATION,
    303: hdrs.LOCATION,
    304: hdrs.ETAG,
    401: hdrs.WWW_AUTHENTICATE,
    429: hdrs.RETRY_AFTER,
    503: hdrs.RETRY_AFTER,
}


def answers_of(route: Route, operation: Operation) -> dict[str, Any]:
    """All answers of a route, by status."""
    told: dict[int, Any] = {}
    for status, content in operation.answers.items():
        others = operation.also if status == 200 else ()
        told[status] = _answer(status, [one for one in (content, *others) if one is not None])
    if route.cache != "none":
        told[304] = _answer(304, [])
    for status in _refusals(route, operation):
        told.setdefault(status, {"$ref": f"#/components/responses/{status}"})
    return {str(status): told[status] for status in sorted(told)}


def shared_answers() -> dict[str, Any]:
    """The refusals, which are the same everywhere, by status."""
    return {str(status): _answer(status, _REFUSED) for status in sorted({*_REFUSALS})}


def content_of(*contents: Content) -> dict[str, Any]:
    """Bodies by media type."""
    return {
        name: {} if one.schema is None else {"schema": component(one.schema)}
        for one in contents
        for name in one.media_types
    }


def _refusals(route: Route, operation: Operation) -> set[int]:
    refused = {*_ALWAYS, *operation.refuses}
    if route.cache == "by viewer":
        refused.update(_OF_VIEWERS)
    if route.body:
        refused.update(_OF_BODIES)
    if route.who == "token":
        refused.update(_OF_TOKENS)
    return refused


def _answer(status: int, contents: Iterable[Content]) -> dict[str, Any]:
    headers = {"X-Request-Id": {**_TEXT, "required": True}, "RateLimit": _TEXT}
    headers["RateLimit-Policy"] = _TEXT
    if status in _HEADERS:
        headers[_HEADERS[status]] = {**_TEXT, "required": True}
    told: dict[str, Any] = {"description": HTTPStatus(status).phrase, "headers": headers}
    content = content_of(*contents)
    return {**told, "content": content} if content else told
