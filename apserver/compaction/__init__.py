"""JSON-LD compaction, in a process of its own that can be killed.

A document whose @context gives our terms another meaning cannot be read as plain JSON: its text
says one thing, and JSON-LD another (see `core.contexts`). Compaction writes it anew, so that the
text says what JSON-LD says. But that is work which a stranger can make dear: 90 kB of contexts
take seconds, and the algorithm runs in one thread that nobody can interrupt. So it is done

* in a child, never on the event loop: everybody else is served meanwhile;
* by one child for each worker, one document at a time, and only a few may wait;
* within `limits.COMPACTION_S` seconds and `limits.COMPACTION_MEMORY` bytes: whoever needs more
  loses the child, and the next document gets a new one;
* without files or network: the child opens nothing once it has loaded the contexts of
  ``schemas/``; a context that we do not hold defines nothing.

The same child puts documents into the form that LD signatures are made over
(`apserver.compaction.signed_form`). It alone imports PyLD. Both sides frame what they say by one
byte and the length, four bytes big-endian: the parent what is wanted and a document, the child a
status and an answer.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import suppress

from apserver import telemetry
from apserver.core import limits
from apserver.errors import BadInput, Busy

LENGTH = 4  #: bytes of a frame's length
READY, DONE, FAILED = b"r", b"d", b"f"
COMPACT, SIGNED_FORM = b"c", b"s"
_SIGNED = 2 * 64  #: characters that an LD signature is of: two SHA-256 in hexadecimal

#: How a child's end, or nonsense from it, shows in its pipes.
_BROKEN = (asyncio.IncompleteReadError, ConnectionError)


class Compactor:
    """Compacts documents by JSON-LD to the Activity Streams and security contexts."""

    def __init__(self) -> None:
        self._child: Process | None = None
        self._turn = asyncio.Lock()
        self._asked = 0

    async def compact(self, body: bytes) -> bytes:
        """The document in ``body``, a JSON object in UTF-8, compacted.

        BadInput when that fails or costs too much; Busy when others wait already.
        """
        return await self._ask_for(COMPACT, body)

    async def signed_form(self, body: bytes) -> tuple[bytes, bytes]:
        """What the LD signature in ``body`` is of, and the document as far as it is signed.

        ``body`` has the members id and signature. Raises as `compact`.
        """
        answer = await self._ask_for(SIGNED_FORM, body)
        return answer[:_SIGNED], answer[_SIGNED:]

    async def _ask_for(self, wanted: bytes, body: bytes) -> bytes:
        if len(body) > limits.COMPACTION_BODY:
            raise _too_dear(f"has more than {limits.COMPACTION_BODY} bytes")
        if self._asked > limits.COMPACTIONS_WAITING:
            raise Busy("too many documents wait to be compacted", retry_after_s=10)
        self._asked += 1
        try:
            async with self._turn:
                return await self._answer_of_child(wanted, body)
        finally:
            self._asked -= 1

    async def close(self) -> None:
        """End the child."""
        child, self._child = self._child, None
        if child is not None:
            await _end(child)

    async def _answer_of_child(self, wanted: bytes, body: bytes) -> bytes:
        child = await self._running()
        answered = False
        try:
            async with asyncio.timeout(limits.COMPACTION_S):
                status, answer = await _ask(child, wanted, body)
            answered = True
        except TimeoutError:
            raise _too_dear(f"takes longer than {limits.COMPACTION_S:g} s") from None
        except _BROKEN:
            raise _too_dear("takes too much memory") from None
        finally:
            if not answered:  # or cancelled: its answer must not be taken for that of the next
                telemetry.event("compaction cut off", size=len(body))
                await asyncio.shield(self.close())
        if status != DONE:
            raise _too_dear(f"fails: {answer.decode(errors='replace')}")
        return answer

    async def _running(self) -> Process:
        if self._child is not None and self._child.returncode is None:
            return self._child
        self._child = child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "apserver.compaction.child", stdin=PIPE, stdout=PIPE
        )
        try:
            async with asyncio.timeout(limits.COMPACTION_START_S):
                assert child.stdout is not None
                await child.stdout.readexactly(len(READY))
        except BaseException as error:
            await asyncio.shield(self.close())
            if isinstance(error, (*_BROKEN, TimeoutError)):
                raise Busy(f"the compaction process did not start: {error!r}") from error
            raise
        return child


async def _ask(child: Process, wanted: bytes, body: bytes) -> tuple[bytes, bytes]:
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(wanted + len(body).to_bytes(LENGTH) + body)
    await child.stdin.drain()
    head = await child.stdout.readexactly(1 + LENGTH)
    return head[:1], await child.stdout.readexactly(int.from_bytes(head[1:]))


async def _end(child: Process) -> None:
    with suppress(ProcessLookupError):  # it has ended already
        child.kill()
    await child.wait()
    if child.stdin is not None:
        child.stdin.close()


def _too_dear(why: str) -> BadInput:
    return BadInput(
        "The @context gives terms of ActivityStreams another meaning, and putting the document "
        f"into their own terms {why}. Send it in the terms of ActivityStreams.",
        pointer="/@context",
    )
