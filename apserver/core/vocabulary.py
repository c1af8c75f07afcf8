"""The words of Activity Streams 2.0 and ActivityPub: names, IRIs, media types."""

from __future__ import annotations

AS2_CONTEXT = "https://www.w3.org/ns/activitystreams"
#: The spellings of it that are read (AS2 Core 2.1); only the first is written.
AS2_CONTEXT_FORMS = frozenset(
    f"{scheme}://www.w3.org/ns/activitystreams{end}"
    for scheme in ("https", "http")
    for end in ("", "#")
)
SECURITY_CONTEXT = "https://w3id.org/security/v1"
MULTIKEY_CONTEXT = "https://w3id.org/security/multikey/v1"
#: Of the terms that are this project's own (`core.namespace`).
NAMESPACE = "https://w3id.org/apserver/ns#"
PUBLIC = AS2_CONTEXT + "#Public"
#: The three spellings of the public collection (ActivityPub 5.6).
PUBLIC_FORMS = frozenset({PUBLIC, "as:Public", "Public"})

ACTIVITY_JSON = "application/activity+json"
LD_JSON = "application/ld+json"
#: The media type that ActivityPub 3.2 and 7 ask for, with the profile of AS2 Core 8.1.
LD_JSON_AS2 = f'{LD_JSON}; profile="{AS2_CONTEXT}"'
JRD_JSON = "application/jrd+json"
XRD_XML = "application/xrd+xml"
HTML = "text/html"
PROBLEM_JSON = "application/problem+json"

ACTIVITY_TYPES = frozenset(
    "Accept Add Announce Arrive Block Create Delete Dislike Flag Follow Ignore Invite Join Leave "
    "Like Listen Move Offer Question Read Reject Remove TentativeAccept TentativeReject Travel "
    "Undo Update View Activity IntransitiveActivity".split()
)
ACTOR_TYPES = frozenset({"Application", "Group", "Organization", "Person", "Service"})
COLLECTION_TYPES = frozenset(
    {"Collection", "OrderedCollection", "CollectionPage", "OrderedCollectionPage"}
)
LINK_TYPES = frozenset({"Link", "Mention"})

#: Who is addressed (ActivityPub 7.1); the first two tell the visibility apart.
AUDIENCE_PROPERTIES = ("to", "cc", "audience", "bto", "bcc")
#: Delivered to and never shown (ActivityPub 6, AS2 Vocabulary `bto`).
PRIVATE_PROPERTIES = ("bto", "bcc")
#: Emitted as an array even for one value, and omitted when empty.
ARRAY_PROPERTIES = ("to", "cc", "audience", "tag", "attachment", "alsoKnownAs")

#: Who and what takes part in an activity (AS2 Vocabulary, "Activity").
PARTICIPANTS = ("actor", "object", "target", "origin", "result", "instrument")
#: Activities that mean nothing without an object (ActivityPub 6.1 and 7).
NEEDS_OBJECT = frozenset(
    "Accept Add Announce Block Create Delete Dislike Flag Follow Ignore Invite Join Like Move "
    "Offer Reject Remove TentativeAccept TentativeReject Undo Update".split()
)
NEEDS_TARGET = frozenset({"Add", "Remove"})

OBJECT_TYPES = frozenset(
    "Object Article Audio Document Event Image Note Page Place Profile Relationship Tombstone "
    "Video".split()
)
#: Every type of the Vocabulary. A type outside it is an extension and never an error (AS2 5).
KNOWN_TYPES = ACTIVITY_TYPES | ACTOR_TYPES | COLLECTION_TYPES | LINK_TYPES | OBJECT_TYPES
#: Plain text, or HTML for the last two; each has a twin `xMap` keyed by language (AS2 4.8).
NATURAL_LANGUAGE_PROPERTIES = ("name", "summary", "content")
LANGUAGE_MAPS = frozenset(f"{name}Map" for name in NATURAL_LANGUAGE_PROPERTIES)
DATE_PROPERTIES = ("published", "updated", "startTime", "endTime", "deleted")
#: Where a Collection leads to one of its pages (AS2 4.7).
PAGE_PROPERTIES = ("first", "last", "next", "prev", "current")
#: Properties whose value is an IRI or an object, beside those above and the addressing.
THING_PROPERTIES = (
    "actor object target origin result instrument attributedTo tag attachment icon image "
    "inReplyTo location preview generator context replies items orderedItems partOf describes "
    "subject oneOf anyOf inbox outbox following followers liked likes shares streams alsoKnownAs "
    "movedTo url source endpoints"
).split()
#: One value at most (AS2 Vocabulary, "Functional"). `id` is no list either.
FUNCTIONAL_PROPERTIES = frozenset(
    "current first last next prev partOf replies accuracy altitude latitude longitude radius units "
    "duration published updated startTime endTime deleted height width href hreflang mediaType "
    "startIndex totalItems subject describes".split()
)
#: Members that our context types as @json: what is inside is data, not Activity Streams.
JSON_LITERALS = frozenset({"actionData"})
