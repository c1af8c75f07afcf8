"""JSON canonicalisation by the library that we use: RFC 8785."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
import rfc8785

VECTORS = json.loads(
    (Path(__file__).parents[1] / "vectors" / "jcs_rfc8785.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["id"])
def test_documents(case: dict[str, str]) -> None:
    assert rfc8785.dumps(json.loads(case["input"])).hex() == case["outputHex"]


@pytest.mark.parametrize("case", VECTORS["numbers"], ids=lambda case: case["ieee754"])
def test_numbers(case: dict[str, str]) -> None:
    (number,) = struct.unpack(">d", bytes.fromhex(case["ieee754"]))
    assert rfc8785.dumps(number).decode() == case["json"]


@pytest.mark.parametrize("bits", VECTORS["invalidNumbers"])
def test_numbers_that_json_does_not_have(bits: str) -> None:
    (number,) = struct.unpack(">d", bytes.fromhex(bits))
    with pytest.raises(rfc8785.FloatDomainError):
        rfc8785.dumps(number)
