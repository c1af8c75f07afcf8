"""Documents of other servers, by their ids."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from apserver import telemetry
from apserver.core import limits
from apserver.core.document import parse
from apserver.core.origin import check_id, same_origin
from apserver.core.signatures import Request
from apserver.core.vocabulary import ACTIVITY_JSON, AS2_CONTEXT, LD_JSON, LD_JSON_AS2
from apserver.errors import BadInput, Busy, RemoteGone, RemoteRefused, RemoteTrouble
from apserver.net.budget import Budget
from apserver.net.client import Answer
from apserver.net.knock import Signer, SigningClient
from apserver.net.redirects import Trail, leads_on, next_url

_ELSEWHERE = "What lies there led to another origin."
#: Who signs, asked each time; None: nobody does.
AskSigner = Callable[[], Awaitable[Signer | None]]
Read = Callable[[bytes], Awaitable[dict[str, Any]]]
_ACCEPT = f"{ACTIVITY_JSON}, {LD_JSON_AS2}"


async def read_plain(body: bytes) -> dict[str, Any]:
    """A document as its text says, whatever its contexts make of it."""
    return parse(body)


class Fetcher:
    """Gets documents in the name of the instance actor.

    Some servers answer no unsigned request (GoToSocial, secure mode elsewhere); the others
    do not mind the signature. ``signer`` is asked each time: the key may have been replaced.
    It may answer None: then the request is nobody's. ``read`` makes bytes a document.
    """

    def __init__(
        self,
        client: SigningClient,
        signer: AskSigner,
        *,
        origin: str,
        allow_http: bool,
        read: Read = read_plain,
    ):
        self._client = client
        self._signer = signer
        self._origin = origin
        self._allow_http = allow_http
        self._read = read

    def in_name_of(self, signer: AskSigner) -> Fetcher:
        """The same in the name of another: it may be shown more (ActivityPub 7.1)."""
        return Fetcher(
            self._client,
            signer,
            origin=self._origin,
            allow_http=self._allow_http,
            read=self._read,
        )

    async def document(self, id_: str, budget: Budget) -> Mapping[str, Any]:
        """The document whose id this is.

        What is served under a URL says nothing about other ids: when it names another id than
        the URL it came from, that id is fetched, once, and must then agree (interop 1.4).
        RemoteGone or RemoteTrouble when it cannot be had now; BadInput when it never can: it is
        no AS2 document, or speaks for another id; Astray when it leads too far.
        """
        trail = Trail()
        document, url = await self._get(id_, budget, trail)
        named = document.get("id")
        if named != url:
            again = check_id(named, allow_http=self._allow_http)
            if not trail.has_been(again.partition("#")[0]):
                document, url = await self._get(again, budget, trail)
            if document.get("id") != url:
                raise BadInput(
                    f"{id_}: what lies there calls itself {named}",
                    public="What lies there calls itself something else.",
                )
        if document["id"] != id_.partition("#")[0] and not same_origin(str(named), id_):
            raise BadInput(f"{id_} led to {named}, of another origin", public=_ELSEWHERE)
        return document

    async def any_document(self, url: str, budget: Budget) -> Mapping[str, Any]:
        """What lies at a URL, whatever id it claims. Nothing may be believed of it but by links
        back from elsewhere: it is for key documents, whose id need not be their URL (KEY-03)."""
        document, final = await self._get(url, budget, Trail())
        if not same_origin(final, url):
            raise BadInput(f"{url} led to another origin", public=_ELSEWHERE)
        return document

    async def _get(self, url: str, budget: Budget, trail: Trail) -> tuple[dict[str, Any], str]:
        """The document and the URL that it came from, after redirects as far as the trail goes."""
        url = check_id(url, allow_http=self._allow_http).partition("#")[0]
        while True:
            if same_origin(url, self._origin):
                raise BadInput(f"{url} is ours and not to be fetched")
            trail.step(url)
            answer = await self._ask(url, budget)
            if not leads_on(answer):
                return await self._document(answer, url), url
            url = next_url(url, answer, allow_http=self._allow_http)

    async def _ask(self, url: str, budget: Budget) -> Answer:
        """One step, signed for the place that it goes to, and for no other (CVE-2026-77632)."""
        answer = await self._client.send(
            Request("GET", url, {"accept": [_ACCEPT]}),
            await self._signer(),
            budget=budget,
            deadline_s=limits.GET_S,
            max_bytes=limits.BODY,
        )
        telemetry.count(telemetry.FETCH, "document", str(answer.status))
        return answer

    async def _document(self, answer: Answer, url: str) -> dict[str, Any]:
        if answer.status in (404, 410):
            raise RemoteGone(f"{url}: {answer.status}", for_good=answer.status == 410)
        if answer.status in (401, 403):
            raise RemoteRefused(f"{url}: {answer.status}")
        if answer.status != 200:
            raise RemoteTrouble(f"{url}: {answer.status}")
        if not is_as2(answer.headers.get("content-type", "")):
            raise BadInput(f"{url} is not served as ActivityStreams JSON.")
        try:
            return await self._read(answer.body)
        except Busy as error:  # that is for whoever asks us; here it makes one document wait
            raise RemoteTrouble(f"{url}: {error}") from error


def is_as2(content_type: str) -> bool:
    """Whether a media type says "ActivityStreams" (AS2 Core 8.1): only such documents speak for
    their host; an uploaded file must not (CVE-2024-25623)."""
    essence, *parameters = (part.strip() for part in content_type.split(";"))
    if essence.lower() == ACTIVITY_JSON:
        return True
    if essence.lower() != LD_JSON:
        return False
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "profile":
            return AS2_CONTEXT in value.strip().strip('"').split()
    return False
