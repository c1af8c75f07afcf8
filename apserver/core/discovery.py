"""What a server tells of itself and its actors before anything else is known of it.

WebFinger (RFC 7033) leads from a handle to an actor, host-meta (RFC 6415) to WebFinger, NodeInfo
tells which software this is. All are asked for without credentials and answered to everybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from apserver.core.names import Names
from apserver.core.subscribe import SUBSCRIBE
from apserver.core.vocabulary import ACTIVITY_JSON, AS2_CONTEXT, HTML, JRD_JSON

NodeInfoVersion = Literal["2.0", "2.1", "2.2"]
NODEINFO_VERSIONS: Final[tuple[NodeInfoVersion, ...]] = ("2.0", "2.1", "2.2")
#: An identifier, spelt with `http:` for ever. The profile of the documents has a "#" behind.
_NODEINFO_SCHEMA = "http://nodeinfo.diaspora.software/ns/schema/"
#: Leads from a server to the actor that speaks for it: in WebFinger (FEP-d556) and in NodeInfo
#: (FEP-2677), which chose differently.
_SERVER_ACTOR = AS2_CONTEXT + "#Service"
_APPLICATION_ACTOR = AS2_CONTEXT + "#Application"
#: An identifier, spelt with `http:` for ever.
_PROFILE_PAGE = "http://webfinger.net/rel/profile-page"
#: Where one of ours is sent to follow something elsewhere.
INTERACTION: Final = "/authorize_interaction"


def webfinger(actor: str, name: str, handle_host: str) -> dict[str, Any]:
    """The JRD of an actor of ours (RFC 7033 4.4): one link to the actor (WF-12)."""
    return {
        "subject": f"acct:{quote(name, safe='')}@{handle_host}",
        "aliases": [actor],
        "links": [{"rel": "self", "type": ACTIVITY_JSON, "href": actor}],
    }


def person_webfinger(names: Names, actor: str, name: str, handle_host: str) -> dict[str, Any]:
    """The same with its page, and with that at which it follows what it saw elsewhere (WF-16)."""
    jrd = webfinger(actor, name, handle_host)
    jrd["links"] += [
        {"rel": _PROFILE_PAGE, "type": HTML, "href": actor},
        {"rel": SUBSCRIBE, "template": f"{names.origin}{INTERACTION}?uri={{uri}}"},
    ]
    return jrd


def server_webfinger(names: Names, name: str, handle_host: str) -> dict[str, Any]:
    """The JRD of the actor that speaks for the server, also under the server's root (FEP-d556)."""
    jrd = webfinger(names.instance, name, handle_host)
    jrd["aliases"].append(f"{names.origin}/")
    jrd["links"].append({"rel": _SERVER_ACTOR, "type": ACTIVITY_JSON, "href": names.instance})
    return jrd


def _lrdd(names: Names) -> dict[str, str]:
    template = f"{names.origin}/.well-known/webfinger?resource={{uri}}"
    return {"rel": "lrdd", "type": JRD_JSON, "template": template}


def host_meta(names: Names) -> dict[str, Any]:
    """host-meta as JSON (RFC 6415 3.3): where WebFinger answers."""
    return {"links": [_lrdd(names)]}


def host_meta_xrd(names: Names) -> str:
    """host-meta as XRD (RFC 6415 3), which Mastodon reads when WebFinger answers 404."""
    attributes = " ".join(f"{name}={quoteattr(value)}" for name, value in _lrdd(names).items())
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<XRD xmlns="http://docs.oasis-open.org/ns/xri/xrd-1.0">\n'
        f"  <Link {attributes}/>\n"
        "</XRD>\n"
    )


def nodeinfo_links(names: Names) -> dict[str, Any]:
    """Where the NodeInfo documents are (NI-01), and the server's own actor (FEP-2677)."""
    links = [
        {"rel": _NODEINFO_SCHEMA + version, "href": f"{names.origin}/nodeinfo/{version}"}
        for version in NODEINFO_VERSIONS
    ]
    return {"links": [*links, {"rel": _APPLICATION_ACTOR, "href": names.instance}]}


def nodeinfo_profile(version: NodeInfoVersion) -> str:
    """The `profile` parameter of the media type of a NodeInfo document (NI-02)."""
    return f"{_NODEINFO_SCHEMA}{version}#"


def nodeinfo(
    version: NodeInfoVersion, *, software: Mapping[str, str], users: int
) -> dict[str, Any]:
    """A NodeInfo document; `schemas/nodeinfo` has the schemas.

    ``software`` has the members ``name`` and ``version``, ``users`` is the number of actors here.
    What is not counted is left out: a wrong number is worse than none (FEP-0151). Of the server
    that is run here, its name and description, 2.2 wants a member that may be empty (NI-04).
    """
    instance: dict[str, Any] = {"instance": {}} if version == "2.2" else {}
    return {
        "version": version,
        **instance,
        "software": dict(software),
        "protocols": ["activitypub"],
        "services": {"inbound": [], "outbound": []},
        "openRegistrations": False,
        "usage": {"users": {"total": users}},
        "metadata": {"federation": {"enabled": True}},
    }
