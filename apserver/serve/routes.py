"""All URLs, in one table, and the web application that is made of it."""

from __future__ import annotations

from aiohttp import web

from apserver.core import limits
from apserver.core.collections import OF_ACTORS, OF_OBJECTS
from apserver.core.rate_limit import RateLimiter, policies_of_clients
from apserver.serve import (
    collections,
    discovery,
    emoji,
    follow_forms,
    hashtags,
    health,
    inbox,
    interaction,
    login,
    namespace,
    nodeinfo,
    openapi,
    outbox,
    proxy,
    public_objects,
    read,
    streams,
    stylesheet,
    subscribe,
    things,
)
from apserver.serve.door import watch
from apserver.serve.headers import STANDING_HEADERS, standing_headers
from apserver.serve.middleware import around
from apserver.serve.rate import RATE
from apserver.serve.route import Route
from apserver.serve.site import SITE, Site

_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"

ROUTES = (
    Route("GET", "/", health.get_home, "anybody", cache="shared"),
    Route("GET", "/livez", health.get_livez, "anybody"),
    Route("GET", "/readyz", health.get_readyz, "anybody"),
    Route("GET", openapi.PATH, openapi.get_openapi, "anybody", cache="shared"),
    Route("GET", "/.well-known/webfinger", discovery.get_webfinger, "anybody", cache="shared"),
    Route("GET", "/.well-known/host-meta", discovery.get_host_meta, "anybody", cache="shared"),
    Route(
        "GET",
        "/.well-known/host-meta.json",
        discovery.get_host_meta_json,
        "anybody",
        cache="shared",
    ),
    Route("GET", "/.well-known/nodeinfo", nodeinfo.get_nodeinfo_links, "anybody", cache="shared"),
    Route("GET", "/nodeinfo/2.0", nodeinfo.get_nodeinfo("2.0"), "anybody", cache="shared"),
    Route("GET", "/nodeinfo/2.1", nodeinfo.get_nodeinfo("2.1"), "anybody", cache="shared"),
    Route("GET", "/nodeinfo/2.2", nodeinfo.get_nodeinfo("2.2"), "anybody", cache="shared"),
    Route("GET", "/ns", namespace.get_namespace, "anybody", cache="shared"),
    Route("GET", "/actors/{name}", read.get_actor, "anybody", cache="shared", guarded=True),
    Route(
        "GET",
        f"/actors/{{name}}/{{collection:{'|'.join(OF_ACTORS)}}}",
        collections.get_of_actor,
        "anybody",
        cache="by viewer",
        guarded=True,
    ),
    Route(
        "GET",
        "/actors/{name}/streams",
        streams.get_streams_of_actor,
        "anybody",
        cache="shared",
        guarded=True,
    ),
    Route(
        "GET",
        "/actors/{name}/streams/{stream}",
        streams.get_stream_of_actor,
        "anybody",
        cache="by viewer",
        guarded=True,
    ),
    Route(
        "GET",
        "/streams/public",
        streams.get_public_stream,
        "anybody",
        cache="by viewer",
        guarded=True,
    ),
    Route(
        "GET",
        "/streams/type/{type:.+}",
        streams.get_stream_of_type,
        "anybody",
        cache="by viewer",
        guarded=True,
    ),
    Route(
        "GET",
        "/streams/custom/{stream}",
        streams.get_custom_stream,
        "anybody",
        cache="by viewer",
        guarded=True,
    ),
    Route(
        "GET",
        f"/streams/{{role:{'|'.join(streams.OF_A_THING)}}}",
        streams.get_stream_of_thing,
        "anybody",
        cache="by viewer",
        guarded=True,
    ),
    Route("GET", "/tags/{tag}", hashtags.get_tag, "anybody", cache="by viewer", guarded=True),
    Route("GET", "/emoji/{shortcode}", emoji.get_emoji, "anybody", cache="shared"),
    Route("GET", "/emoji/{shortcode}/{file}", emoji.get_image, "anybody", cache="shared"),
    Route(
        "GET",
        f"/objects/{{unique:{_UUID}}}",
        read.get_object,
        "anybody",
        cache="by viewer",
        guarded=True,
    ),
    Route(
        "GET",
        f"/objects/{{unique:{_UUID}}}/{{collection:{'|'.join(OF_OBJECTS)}}}",
        collections.get_of_object,
        "anybody",
        cache="by viewer",
        guarded=True,
    ),
    Route(
        "GET",
        f"/activities/{{unique:{_UUID}}}",
        read.get_activity,
        "anybody",
        cache="by viewer",
        guarded=True,
    ),
    Route(
        "GET", "/inbox", public_objects.get_shared_inbox, "anybody", cache="shared", guarded=True
    ),
    Route("POST", "/inbox", inbox.post_shared_inbox, "signature", limits.BODY),
    Route("POST", "/actors/{name}/inbox", inbox.post_inbox, "signature", limits.BODY),
    Route("POST", "/actors/{name}/outbox", outbox.post_outbox, "token", limits.BODY),
    Route("POST", "/actors/{name}/outbox/bulk", outbox.post_bulk, "token", limits.BULK_BODY),
    Route("POST", "/outbox", outbox.post_site_outbox, "token", limits.BODY, asks="site"),
    Route("POST", "/outbox/bulk", outbox.post_site_bulk, "token", limits.BULK_BODY, asks="site"),
    Route("POST", "/proxy", proxy.post_proxy, "token", limits.FORM, asks="read"),
    Route("GET", "/things", things.get_thing, "anybody", cache="by viewer", guarded=True),
    Route(
        "GET", "/things/followers", things.get_followers, "anybody", cache="by viewer", guarded=True
    ),
    Route("GET", "/things/pending", things.get_pending, "token", asks="site"),
)

#: Pages and what their forms send. They are no part of the API: a cookie opens nothing else.
PAGES = (
    Route("GET", "/style.css", stylesheet.get_stylesheet, "anybody", cache="shared"),
    Route("GET", "/login", login.get_login, "browser"),
    Route("POST", "/login", login.post_login, "browser", limits.FORM),
    Route("POST", "/logout", login.post_logout, "browser", limits.FORM),
    Route("POST", "/follow", follow_forms.post_follow, "browser", limits.FORM),
    Route("GET", "/subscribe", subscribe.get_subscribe, "browser"),
    Route("POST", "/subscribe", subscribe.post_subscribe, "browser", limits.FORM),
    Route("GET", "/authorize_interaction", interaction.get_interaction, "browser"),
    Route("POST", "/authorize_interaction", interaction.post_interaction, "browser", limits.FORM),
)


def application(site: Site) -> web.Application:
    """The web application of a site."""
    app = web.Application(middlewares=[around])
    watch(app)
    app[SITE] = site
    app[RATE] = RateLimiter(policies_of_clients(site.requests_per_minute))
    app[STANDING_HEADERS] = standing_headers(site)
    app[nodeinfo.CENSUS] = nodeinfo.Census(site)
    app[openapi.DESCRIPTION] = openapi.description_of(ROUTES, site.names.origin)
    for route in (*ROUTES, *PAGES):
        if route.method == "GET":
            app.router.add_get(route.path, route.handle)
        else:
            app.router.add_post(route.path, route.handle)
    return app
