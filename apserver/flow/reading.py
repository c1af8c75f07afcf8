"""What other servers send, from bytes to a document that says what JSON-LD says.

Nearly all of it is read as plain JSON, because its contexts leave our terms alone. The rest is
compacted first, which costs a turn of a process of its own (`apserver.compaction`), and then judged
again: what comes out must be readable as plain JSON, or it is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apserver.compaction import Compactor
from apserver.core.contexts import KnownContexts, Verdict, check_compactable, judge
from apserver.core.document import parse
from apserver.core.intake import take_in
from apserver.errors import BadInput


class DocumentReader:
    """Reads documents of other servers."""

    def __init__(self, contexts: KnownContexts, compactor: Compactor):
        self._contexts = contexts
        self._compactor = compactor

    async def read(self, body: bytes) -> dict[str, Any]:
        """The document in ``body``. BadInput when it is none, or cannot be compacted."""
        document = parse(body)
        if self.redefines(document):
            document = await self.compacted(document, body)
        return take_in(document)

    def redefines(self, document: Mapping[str, Any]) -> bool:
        """Whether a context gives our terms another meaning, so that its text may not be believed.

        BadInput when it has contexts beyond the limits.
        """
        return judge(document, self._contexts) is not Verdict.ADDITIVE

    async def compacted(self, document: Mapping[str, Any], body: bytes) -> dict[str, Any]:
        """What a document that redefines says, in our terms. BadInput when it cannot be told."""
        check_compactable(document)
        told = parse(await self._compactor.compact(body))
        if self.redefines(told):
            raise BadInput("The @context is not gone after compaction.", pointer="/@context")
        return told

    async def signed_form(self, body: bytes) -> tuple[bytes, dict[str, Any]]:
        """What the LD signature in ``body`` is of, and what is signed, in our terms. BadInput when
        that cannot be told."""
        check_compactable(parse(body))
        signed, told = await self._compactor.signed_form(body)
        document = parse(told)
        if self.redefines(document):
            raise BadInput("The @context is not gone after compaction.", pointer="/@context")
        return signed, document
