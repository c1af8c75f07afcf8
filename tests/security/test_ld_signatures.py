"""What LD signatures are made over, by the process that knows JSON-LD, against the vectors."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from apserver.compaction import Compactor
from apserver.core.keys import PublicKey
from apserver.core.ld_signatures import read_ld_signature
from apserver.errors import BadInput

VECTORS = json.loads(
    (Path(__file__).parents[1] / "vectors" / "rsasignature2017.json").read_text(encoding="utf-8")
)
KEY = PublicKey.from_pem(VECTORS["publicKeyPem"])
[GOOD] = [case["document"] for case in VECTORS["cases"] if case["expect"]]


@pytest.fixture
async def compactor() -> AsyncIterator[Compactor]:
    """A process of its own."""
    compactor = Compactor()
    yield compactor
    await compactor.close()


async def check(compactor: Compactor, document: dict[str, Any]) -> tuple[bool, dict[str, Any]]:
    """Whether the signature holds, and what is signed."""
    signed, told = await compactor.signed_form(json.dumps(document).encode())
    signature = read_ld_signature(document)
    assert signature is not None
    return signature.is_by(KEY, signed), json.loads(told)


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["id"])
async def test_IO_22_vectors(compactor: Compactor, case: dict[str, Any]) -> None:
    """IO-22: a real activity of Mastodon, and the same altered."""
    holds, _ = await check(compactor, case["document"])
    assert holds is case["expect"]


async def test_IO_22_what_is_signed_is_told(compactor: Compactor) -> None:
    """IO-22: the tree that comes back says what the activity says."""
    holds, told = await check(compactor, GOOD)
    assert holds
    for name in ("id", "type", "actor", "published"):
        assert told[name] == GOOD[name]
    for name in ("id", "type", "attributedTo", "content", "contentMap", "url"):
        assert told["object"][name] == GOOD["object"][name]


async def test_CVE_2022_24307_what_is_not_signed_is_not_told(compactor: Compactor) -> None:
    """CVE-2022-24307, CVE-2024-32983: the signature holds beside members that no context defines;
    none of them comes back, whatever they mean to us."""
    document = {**GOOD, "verbPhrase": "forged", "quoteUrl": "forged"}
    document["object"] = {"forged": "forged", **GOOD["object"], "actionData": {"x": "forged"}}
    holds, told = await check(compactor, document)
    assert holds
    assert "forged" not in json.dumps({name: told[name] for name in told if name != "@context"})


@pytest.mark.parametrize("root", ["object", "replies"])
async def test_CVE_2026_42462_a_tree_hung_up_by_another_branch(
    compactor: Compactor, root: str
) -> None:
    """CVE-2026-42462: of the same graph another node comes first. It is told as what it is."""
    activity = {name: one for name, one in GOOD.items() if name not in ("signature", "@context")}
    note = activity.pop("object")
    turned = {
        "@context": [*GOOD["@context"], {"object_of": {"@reverse": "as:object"}}],
        **note,
        "object_of": {**activity, "object": note["id"]},
        "signature": GOOD["signature"],
    }
    if root == "replies":
        turned["id"] = note["replies"]["id"]
    _, told = await check(compactor, turned)
    assert told.get("actor") is None


async def test_canonicalisation_poison(compactor: Compactor) -> None:
    """security.md: canonicalisation-poison: graphs that are woven of named blank nodes are refused
    before the work begins, and the process goes on."""
    nodes = [f"_:b{n}" for n in range(8)]
    woven = [{"id": one, "https://x.example/p": [{"id": n} for n in nodes]} for one in nodes]
    started = time.process_time()
    with pytest.raises(BadInput, match="NotCanonical"):
        await check(compactor, {**GOOD, "tag": woven})
    assert time.process_time() - started < 2.5
    holds, _ = await check(compactor, GOOD)
    assert holds
