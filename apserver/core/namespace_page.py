"""The page at ``/ns``: what each term of our namespace means, for people."""

from __future__ import annotations

import json

from apserver.core.hypertext import Html, fill, joined
from apserver.core.namespace import TERMS, Term
from apserver.core.vocabulary import AS2_CONTEXT, NAMESPACE

_HEAD = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Terms of apserver</title>
<link rel="alternate" type="application/ld+json" href="">
</head>
<body>
<main>
<h1>Terms of apserver</h1>
<p>These are terms for <a href="https://www.w3.org/TR/activitystreams-core/">ActivityStreams 2.0</a>
documents, in the namespace <code>{namespace}</code>. apserver reads them without a context, and
defines those that it uses in what it sends. Asked for <code>application/ld+json</code>, this
address gives a JSON-LD context with all of them.</p>
<nav aria-label="Terms">
<ul>
{links}</ul>
</nav>
"""
_LINK = '<li><a href="#{name}">{name}</a></li>\n'
_TERM = """\
<section id="{name}" aria-labelledby="{name}-name">
<h2 id="{name}-name"><code>{name}</code> ({label})</h2>
<p>{meaning}</p>
<dl>
<dt>IRI</dt><dd><code>{namespace}{name}</code></dd>
<dt>Property of</dt><dd>{domain}</dd>
<dt>Value</dt><dd>one {range}</dd>
</dl>
<p>Example:</p>
<pre><code>{example}</code></pre>
</section>
"""


def namespace_page() -> str:
    """The whole page as HTML. It needs no style and no script."""
    links = joined(fill(_LINK, name=term.name) for term in TERMS)
    head = fill(_HEAD, namespace=NAMESPACE, links=links)
    return head + joined(map(_section, TERMS)) + "</main>\n</body>\n</html>\n"


def _section(term: Term) -> Html:
    return fill(
        _TERM,
        name=term.name,
        label=term.label,
        meaning=term.meaning,
        namespace=NAMESPACE,
        domain=term.domain,
        range=term.range,
        example=_example(term),
    )


def _example(term: Term) -> str:
    document = {
        "@context": [AS2_CONTEXT, {term.name: term.definition}],
        "type": term.domain,
        term.name: term.example,
    }
    return json.dumps(document, indent=2)
