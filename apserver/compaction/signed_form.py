"""What an LD signature covers (RsaSignature2017), and the document as far as it is covered.

Signed is not the text of a document but the graph that it stands for, in canonical form
(URDNA2015). Whoever passes it on may write the same graph in another way: members that no context
defines are in no graph, and a tree can be hung up by another branch (CVE-2022-24307,
CVE-2024-32983, CVE-2026-42462). So what is read afterwards is not the text that came but a tree
made of the canonical graph itself, in our terms, from the activity downwards. What was not signed
is not in it.

Canonical form names the blank nodes of a graph. That is factorial in graphs that are made for it:
eight nodes, each linked to all, take a minute. Only nodes that the text names can be woven like
that, so documents with such names are refused; and the process has its time
(`limits.COMPACTION_S`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pyld import jsonld

_IDENTITY = "https://w3id.org/identity/v1"
#: Of the signature, not among its options.
_NOT_OPTIONS = ("type", "id", "signatureValue")
_N_QUADS = "application/n-quads"


class NotCanonical(ValueError):
    """The document is of a kind that no signature is checked for."""


def signed_form(
    body: bytes, load: Callable[[str, Any], dict[str, Any]], context: Mapping[str, Any]
) -> bytes:
    """128 characters that the signature in ``body`` is of, then the document in the terms of
    ``context``, as JSON."""
    document = json.loads(body)
    signature = document.pop("signature")
    options = {name: one for name, one in signature.items() if name not in _NOT_OPTIONS}
    how = {"documentLoader": load, "base": "", "processingMode": "json-ld-1.1"}
    expanded = jsonld.expand(document, how)
    if any(name.startswith("_:") for name in _ids_in(expanded)):
        raise NotCanonical("names blank nodes")
    graph = _canonical(expanded, how)
    signed = _digest(_canonical({**options, "@context": _IDENTITY}, how)) + _digest(graph)
    nodes = jsonld.from_rdf(graph, {"format": _N_QUADS, "useNativeTypes": True})
    tree = jsonld.frame(
        nodes, {**context, "id": document["id"]}, {**how, "embed": "@once", "omitGraph": True}
    )
    return signed.encode() + json.dumps(tree, ensure_ascii=False, separators=(",", ":")).encode()


def _canonical(document: Any, how: Mapping[str, Any]) -> str:
    quads: str = jsonld.normalize(document, {**how, "algorithm": "URDNA2015", "format": _N_QUADS})
    return quads


def _digest(quads: str) -> str:
    return hashlib.sha256(quads.encode()).hexdigest()


def _ids_in(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _ids_in(item)
    elif isinstance(value, dict):
        yield str(value.get("@id", ""))
        for name, member in value.items():
            if name != "@value":
                yield from _ids_in(member)
