"""docs/privacy.md tells what becomes of what people say here."""

from __future__ import annotations

import re

from tests.meta.project import ROOT

PAGE = (ROOT / "docs" / "privacy.md").read_text()
SQL = "\n".join(
    path.read_text() for path in (ROOT / "apserver" / "store" / "migrations").glob("*.sql")
)
#: Where each table is told of on the page: by words that stand there; None for those that hold
#: nothing of people.
TOLD = {
    "actor": "actors of this server",
    "activity": "what they do and make",
    "object": "what they do and make",
    "alias": "what they do and make",
    "collection": "what they do and make",
    "member": "what they do and make",
    "role": "what they do and make",
    "hashtag": "what they do and make",
    "posted": "what they do and make",
    "relation": "whom they follow and block",
    "reaction": "what they do and make",
    "follow": "whom they follow and block",
    "follower_inbox": "whom they follow and block",
    "reached": "servers that got something",
    "profile": "actors of other servers",
    "public_key": "actors of other servers",
    "raw": "what other servers send here",
    "receipt": "what other servers send here",
    "heard": "what other servers send here",
    "token": "tokens of clients",
    "session": "sessions of browsers",
    "password": "sessions of browsers",
    "key_pair": "Private keys are sealed",
    "retired_key": "Private keys are sealed",
    "audit": "acts of moderation",
    "report": "who reported whom",
    "domain_rule": "acts of moderation",
    "job": "to deliver",
    "delivery": "to deliver",
    "waiting_inbox": "to deliver",
    **dict.fromkeys(
        ("server", "emoji", "knock", "bucket", "periodic", "host", "profiles", "migration")
    ),
}


def test_AS_33_the_practice_is_documented() -> None:
    """AS-33: what is stored and why, how it is kept, who is told, and what people can do; the
    README leads there."""
    headings = re.findall(r"^## (.+)$", PAGE, re.MULTILINE)
    assert headings == [
        *("What is stored, and why", "Who is told", "How it is kept", "What people can do")
    ]
    assert "(docs/privacy.md)" in (ROOT / "README.md").read_text()


def test_AS_33_every_table_is_told_of() -> None:
    """AS-33: a new table needs a word there, or holds nothing of people."""
    tables = set(re.findall(r"^CREATE TABLE (\w+)", SQL, re.MULTILINE))
    assert tables - TOLD.keys() == set()
    assert [words for words in TOLD.values() if words is not None and words not in PAGE] == []
