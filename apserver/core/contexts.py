"""Which ``@context`` values let us read a document as plain JSON.

A JSON-LD context can give any member another meaning: ``{"object": "https://x.example/actor"}``
turns the tree around while its text looks the same. Obeying contexts in general is slow (a
hostile one takes seconds) and needs the network; ignoring them lets a document say one thing to
us and another to a JSON-LD reader, which is how actors were forged (CVE-2024-32983).

The way out is that almost no context in use redefines anything: servers add terms of their own
after the normative contexts. Such a context is *additive*. Every term that we read still means
what the Recommendation says, so plain JSON and JSON-LD agree on all of it. The verdict depends
on the context alone, and a server sends the same few over and over, so verdicts are kept.

A document whose context *redefines* goes the long way, through JSON-LD compaction in a process
that can be killed. URLs are never fetched. Any URL counts as additive: what it defines are terms
of its author, and for those that we read we hold to the Recommendation.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Any, NoReturn

from apserver.core import limits
from apserver.core.document import as_list
from apserver.core.namespace import context_document
from apserver.core.vocabulary import AS2_CONTEXT, JSON_LITERALS, SECURITY_CONTEXT
from apserver.errors import BadInput

#: What we read of security/v1. Its other terms may change: Lemmy makes `expires` its own.
SECURITY_TERMS = ("creator", "owner", "publicKey", "publicKeyPem", "signature", "signatureValue")
#: Prefixes of the AS2 context that no member or type that we read is written with.
_UNREAD_PREFIXES = frozenset({"ldp", "vcard", "xsd"})
#: Pleroma and Akkoma serve it, each under its own host; it is kept by this path alone.
LITEPUB_PATH = "/schemas/litepub-0.1.jsonld"

#: Members of a context that change how everything beside them is read (JSON-LD 1.1, 9.15).
_CONTEXT_WIDE = frozenset({"@base", "@import", "@vocab"})
#: Members of a term definition that turn, nest or rescope what the term holds.
_RESHAPING = frozenset({"@context", "@nest", "@reverse"})
#: Containers that leave the shape of a value as it is.
_PLAIN_CONTAINERS = frozenset({"@list", "@set"})
#: Names that the AS2 context gives to keywords.
_ALIASES = (("@id", "id"), ("@type", "type"))
#: Members without embedded objects.
_NOT_READ = JSON_LITERALS | {"@context"}
#: Beside `id`: where an id that has a prefix would be taken for one of an unknown scheme.
_IDS = ("@id", "actor", "object", "target", "attributedTo")
#: Steps from a term to its IRI: prefixes that are made of prefixes. In use are one and two.
_EXPANSIONS = 8


class Verdict(Enum):
    """How a document may be read."""

    ADDITIVE = "additive"  #: as plain JSON
    REDEFINES = "redefines"  #: by JSON-LD compaction only


@dataclass(frozen=True, slots=True, eq=False)
class KnownContexts:
    """The contexts that we hold, and what the terms that we read mean in the normative ones.

    ``documents`` maps the URL (for litepub the path) to the context document. ``definitions``
    are the normative term definitions, ``terms`` maps what we read to absolute IRI or keyword, and
    ``iris`` are those.
    """

    documents: Mapping[str, Mapping[str, Any]]
    definitions: Mapping[str, Any]
    terms: Mapping[str, str]
    iris: frozenset[str]

    @classmethod
    def of(cls, documents: Mapping[str, Mapping[str, Any]]) -> KnownContexts:
        """Work out the terms. ``documents`` must hold Activity Streams and security/v1; ours are
        in `core.namespace`."""
        as2 = documents[AS2_CONTEXT]["@context"]
        security = documents[SECURITY_CONTEXT]["@context"]
        ours = context_document()["@context"]
        definitions = {**security, **as2, **ours}
        read = (set(as2) - _UNREAD_PREFIXES - {"@vocab"}).union(SECURITY_TERMS, ours)
        terms = {name: _meaning(name, definitions) for name in read}
        return cls(documents, definitions, terms, frozenset(terms.values()))

    def find(self, url: str) -> Mapping[str, Any] | None:
        """The context document behind a URL; None when we do not hold it."""
        return self.documents.get(LITEPUB_PATH if url.endswith(LITEPUB_PATH) else url)


def judge(document: Mapping[str, Any], known: KnownContexts) -> Verdict:
    """The verdict on a whole document: on its context and on those of all embedded objects.

    BadInput when an object has a keyword twice, once by its other name.
    """
    contexts: list[Any] = []
    names: list[str] = []
    ids = [document.get(name) for name in _IDS]
    for thing in _objects_in(document):
        if "@context" in thing:
            contexts.append(thing["@context"])
        if "id" in thing:
            ids.append(thing["id"])
        if ":" in "".join(thing):
            names += thing
    if any(verdict(context, known) is Verdict.REDEFINES for context in contexts):
        return Verdict.REDEFINES
    odd = [id_ for id_ in ids if isinstance(id_, str) and not id_.startswith("http")]
    if (names or odd) and _has_compact_iris(names, odd, contexts, known):
        return Verdict.REDEFINES
    return Verdict.ADDITIVE


def _has_compact_iris(
    names: Sequence[str], ids: Iterable[str], contexts: Iterable[Any], known: KnownContexts
) -> bool:
    """Whether a member that we read, or an id, is written with a prefix: "as:object" is `object`
    (AS2 Core 5.1). Prefixes of any context of the document count: at worst it is compacted."""
    entries = [one for all_ in contexts for one in (all_ if isinstance(all_, list) else [all_])]
    inline = {
        name: definition
        for entry in entries
        if isinstance(entry, dict)
        for name, definition in entry.items()
    }
    definitions = {**known.definitions, **inline} if names else inline
    if any(_expanded(one, definitions, _EXPANSIONS) in known.iris for one in names if ":" in one):
        return True
    prefixes = tuple(f"{name}:" for name, iri in inline.items() if _is_prefix(iri))
    return any(id_.startswith(prefixes) and "://" not in id_ for id_ in ids)


def _is_prefix(definition: Any) -> bool:
    """Whether JSON-LD 1.1 takes a term for a prefix by itself (4.1.5): it ends like one."""
    return isinstance(definition, str) and definition.endswith((":", "/", "?", "#", "[", "]", "@"))


def verdict(context: Any, known: KnownContexts) -> Verdict:
    """The verdict on one ``@context`` value.

    Raises BadInput when it is not made of URLs and objects, or is beyond the
    ``CONTEXT_`` limits. No context at all is additive (AS-09), null entries are passed over.
    """
    entries = context if isinstance(context, list) else [context]
    if len(entries) > limits.CONTEXT_ENTRIES:
        _refuse(f"has more than {limits.CONTEXT_ENTRIES} entries")
    if not all(entry is None or isinstance(entry, (str, dict)) for entry in entries):
        _refuse("must be made of URLs and objects")
    inline = [entry for entry in entries if isinstance(entry, dict)]
    if not inline:
        return Verdict.ADDITIVE
    if sum(map(len, inline)) > limits.CONTEXT_TERMS:
        _refuse(f"defines more than {limits.CONTEXT_TERMS} terms")
    content = _ENCODER.encode(inline)
    if len(content) > limits.CONTEXT_INLINE:
        _refuse(f"has more than {limits.CONTEXT_INLINE} bytes of definitions")
    return _verdict_on(content, known)


_ENCODER = json.JSONEncoder(separators=(",", ":"))


@lru_cache(maxsize=1024)
def _verdict_on(content: str, known: KnownContexts) -> Verdict:
    definitions = dict(known.definitions)
    for inline in json.loads(content):
        definitions.update(inline)
        if any(_redefines(name, inline[name], definitions, known) for name in inline):
            return Verdict.REDEFINES
    return Verdict.ADDITIVE


def _redefines(
    name: str, definition: Any, definitions: Mapping[str, Any], known: KnownContexts
) -> bool:
    if name.startswith("@"):
        return name in _CONTEXT_WIDE
    if isinstance(definition, dict) and not _RESHAPING.isdisjoint(definition):
        return True
    meaning = _meaning(name, definitions)
    if name not in known.terms:
        return meaning.startswith("@")  # another name for a keyword, such as @id or @graph
    return meaning != known.terms[name] or _has_other_shape(definition, known.definitions[name])


def _has_other_shape(definition: Any, normative: Any) -> bool:
    if _is_json(definition) != _is_json(normative):
        return True
    if not isinstance(definition, dict):
        return False
    return not _containers(definition) <= _PLAIN_CONTAINERS | _containers(normative)


def _is_json(definition: Any) -> bool:
    return isinstance(definition, dict) and definition.get("@type") == "@json"


def _containers(definition: Any) -> frozenset[str]:
    value = definition.get("@container") if isinstance(definition, dict) else None
    return frozenset(map(str, value if isinstance(value, list) else [value] if value else []))


def _meaning(name: str, definitions: Mapping[str, Any]) -> str:
    """The IRI or keyword that a term stands for; empty when it stands for nothing."""
    definition = definitions[name]
    if isinstance(definition, dict):
        # Without @id a term is a compact IRI, or hangs on the @vocab of Activity Streams.
        definition = definition.get("@id", name if ":" in name else f"_:{name}")
    if not isinstance(definition, str):
        return ""
    return "" if definition == name else _expanded(definition, definitions, _EXPANSIONS)


def _expanded(value: str, definitions: Mapping[str, Any], steps: int) -> str:
    """An IRI written out: compact IRIs and terms replaced (JSON-LD 1.1 API, 5.2)."""
    prefix, colon, suffix = value.partition(":")
    if not steps or value.startswith("@") or prefix == "_" or suffix.startswith("//"):
        return value
    if prefix not in definitions:
        return value if colon else f"_:{value}"
    target = definitions[prefix]
    if isinstance(target, dict):
        target = target.get("@id")
    if not isinstance(target, str):
        return value
    return _expanded(target, definitions, steps - 1) + suffix


def _objects_in(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    waiting: list[Any] = [document]
    for value in waiting:  # which grows meanwhile
        if isinstance(value, list):
            waiting += [item for item in value if isinstance(item, (dict, list))]
            continue
        yield value
        for keyword, name in _ALIASES:
            if keyword in value and name in value:
                raise BadInput(f"{name} and {keyword} are one, and stand side by side.")
        waiting += [
            member
            for name, member in value.items()
            if isinstance(member, (dict, list)) and name not in _NOT_READ
        ]


def joined(former: object, added: object) -> Any:
    """Both contexts as one, each entry once, for a document with members of both. What is added
    comes last, and so counts where both define a term (JSON-LD 1.1, 4.1).

    BadInput when that is more than other servers read.
    """
    entries = [*as_list(former), *as_list(added)]
    entries = [one for at, one in enumerate(entries) if one not in entries[:at]]
    inline = sum(len(json.dumps(one)) for one in entries if isinstance(one, dict))
    if len(entries) > limits.CONTEXT_ENTRIES or inline > limits.CONTEXT_INLINE:
        _refuse("is too big together with the one before. Define no term anew that has its meaning")
    return entries if len(entries) != 1 else entries[0]


def check_compactable(document: Mapping[str, Any]) -> None:
    """Raise BadInput when a document that redefines may not even be compacted.

    A context inside a term definition is never obeyed: nested, such contexts take time that grows
    cubically. What ``@import`` names would have to be fetched.
    """
    for thing in _objects_in(document):
        context = thing.get("@context")
        for entry in context if isinstance(context, list) else [context]:
            if isinstance(entry, dict) and (
                "@import" in entry or any(map(_is_scoped, entry.values()))
            ):
                _refuse("has a context inside a definition, or imports one")


def _is_scoped(definition: Any) -> bool:
    return isinstance(definition, dict) and "@context" in definition


def _refuse(what: str) -> NoReturn:
    raise BadInput(f"The @context {what}.", pointer="/@context")
