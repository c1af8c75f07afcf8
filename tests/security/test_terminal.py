"""What strangers wrote, in the terminal of whoever runs the server (CWE-150)."""

from __future__ import annotations

import json

import pytest

from apserver.cli.output import note, show, show_json, show_table

HOSTILE = "https://a.example/\x1b]0;x\x07\u009b2J\u202e\x7f\r"
OBEYED = frozenset("\x1b\x07\u009b\u202e\x7f\r")


def test_a_terminal_gets_no_commands(capsys: pytest.CaptureFixture[str]) -> None:
    """In whatever way it is shown: for people, in tables, as JSON, in remarks."""
    show({"reporter": HOSTILE, "posts": (HOSTILE,)}, as_json=False)
    show_table([{"reporter": HOSTILE}], ["reporter"], as_json=False)
    note(HOSTILE)
    show_json({"reporter": HOSTILE})
    said = capsys.readouterr()
    assert not OBEYED & set(said.out + said.err)
    assert said.out.count("\\u001b]0;x\\u0007\\u009b2J\\u202e\\u007f\\u000d") >= 3
    assert json.loads(said.out.splitlines()[-1]) == {"reporter": HOSTILE}, "programs get it whole"


def test_a_text_looks_like_no_other_member(capsys: pytest.CaptureFixture[str]) -> None:
    """A report of several lines stays below its own name; in a table it has one line."""
    said = "spam\nstate      closed\r\nnote       dealt with"
    show({"state": "open", "content": said, "note": ""}, as_json=False)
    lines = capsys.readouterr().out.splitlines()
    assert [one.partition(" ")[0] for one in lines] == ["state", "content", "", "", "note"]
    assert lines[2].strip() == "state      closed"
    show_table([{"content": said}, {"content": "rude"}], ["content"], as_json=False)
    assert len(capsys.readouterr().out.splitlines()) == 3
