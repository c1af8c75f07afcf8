"""The process that runs PyLD: documents come in, compacted ones go out (see `apserver.compaction`).

What it may use is bounded by the kernel: memory, open files (none but its pipes, so no network),
and by an alarm that ends it should its parent be too busy to.
"""

from __future__ import annotations

import json
import math
import os
import resource
import signal
import sys
from collections.abc import Callable
from typing import Any, BinaryIO

from pyld import jsonld

from apserver.compaction import COMPACT, DONE, FAILED, LENGTH, READY
from apserver.compaction.signed_form import signed_form
from apserver.core import limits
from apserver.core.contexts import KnownContexts
from apserver.core.namespace import context_document
from apserver.core.vocabulary import AS2_CONTEXT, SECURITY_CONTEXT
from apserver.resources import load_contexts

Loader = Callable[[str, Any], dict[str, Any]]

#: Our terms: what documents are put into.
_CONTEXT = {"@context": [AS2_CONTEXT, SECURITY_CONTEXT, context_document()["@context"]]}
_PIPES = 3  #: standard input, output and error
_NICE = 10  #: whoever makes it work hard takes nobody's time


def main() -> None:
    """Answer until the parent closes the pipe."""
    load = _frozen_loader()
    _compact(b'{"@context": []}', load)  # whatever is loaded late, and needs a file for it
    signed_form(b'{"id": "https://example.org/", "signature": {}}', load, _CONTEXT)
    _confine()
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    _say(answers, READY)
    while head := requests.read(1 + LENGTH):
        body = requests.read(int.from_bytes(head[1:]))
        signal.alarm(math.ceil(limits.COMPACTION_S) + 1)
        status, answer = _answer(head[:1], body, load)
        signal.alarm(0)
        _say(answers, status + len(answer).to_bytes(LENGTH) + answer)


def _answer(wanted: bytes, body: bytes, load: Loader) -> tuple[bytes, bytes]:
    try:
        made = _compact(body, load) if wanted == COMPACT else signed_form(body, load, _CONTEXT)
    except MemoryError:
        os._exit(os.EX_UNAVAILABLE)  # what is left of this process is not to be relied on
    except Exception as error:  # PyLD lets through whatever odd input makes Python raise
        return FAILED, str(getattr(error, "code", None) or type(error).__name__).encode()
    if len(made) > limits.BODY:
        return FAILED, b"the result is too large"
    return DONE, made


def _compact(body: bytes, load: Loader) -> bytes:
    # Without a base, relative references stay relative, and are refused as ids later.
    options = {"documentLoader": load, "base": "", "processingMode": "json-ld-1.1"}
    compacted = jsonld.compact(json.loads(body), _CONTEXT, options)
    return json.dumps(compacted, ensure_ascii=False, separators=(",", ":")).encode()


def _frozen_loader() -> Loader:
    known = KnownContexts.of(load_contexts())

    def load(url: str, _options: Any) -> dict[str, Any]:
        document = known.find(url) or {"@context": {}}
        return {"contextUrl": None, "documentUrl": url, "document": document}

    return load


def _confine() -> None:
    for what, limit in (
        (resource.RLIMIT_AS, limits.COMPACTION_MEMORY),
        (resource.RLIMIT_NOFILE, _PIPES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (limit, limit))
    os.nice(_NICE)


def _say(answers: BinaryIO, message: bytes) -> None:
    answers.write(message)
    answers.flush()


if __name__ == "__main__":
    main()
