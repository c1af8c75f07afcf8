"""Sections with named entries: what they become, and what is refused. From docs/configuration.md.

Seed row H4: typed configuration, checked at the start, unknown keys refused.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from apserver.cli.example import render_file
from apserver.config import TABLES, Settings, Table, load
from apserver.core.custom_streams import CustomStream
from apserver.core.flags import Flag
from apserver.core.things import ThingType
from apserver.core.verbs import TARGET_IN_OBJECT, Verb
from apserver.errors import ConfigProblem
from tests.cli.program import apserver

ORIGIN = "https://social.example"
FILE = f"""\
origin = "{ORIGIN}"

[verbs."reached level"]
sentences = {{en = "{{actor}} reached {{object}}", sv = "{{actor}} nådde {{object}}"}}
companion = true

[verbs.entered]
type = "Join"
roles = {{target = "object"}}

[flags.mute]
mutes = true

[things.issue]
iri = "https://shop.example/issues/{{id}}"
type = "Document"
facade = "Group"
handle = "issue-{{id}}"
members = ["name", "url"]

[streams.closings]
parameters = ["until"]
filters = [{{verb = "closed", "published.lt" = "{{until}}"}}, {{type = "Remove"}}]
"""


def settings_of(tmp_path: Path, text: str = FILE, **environ: str) -> Settings:
    (tmp_path / "config.toml").write_text(text)
    return load(None, environ, cwd=tmp_path)


def problem(tmp_path: Path, text: str = f'origin = "{ORIGIN}"\n', **environ: str) -> str:
    with pytest.raises(ConfigProblem) as caught:
        settings_of(tmp_path, text, **environ)
    return str(caught.value)


def test_entries_become_values_of_the_core(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    level, entered = settings.verbs
    assert level == Verb(
        phrase="reached level",
        sentences={"en": "{actor} reached {object}", "sv": "{actor} nådde {object}"},
        companion=True,
    )
    assert (entered.type, entered.roles) == ("Join", TARGET_IN_OBJECT)
    assert settings.flags == (Flag(name="mute", mutes=True),)
    assert settings.things == (
        ThingType(
            kind="issue",
            iri="https://shop.example/issues/{id}",
            type="Document",
            facade="Group",
            handle="issue-{id}",
            members=("name", "url"),
        ),
    )
    [closings] = settings.streams
    assert closings == CustomStream(
        slug="closings",
        parameters=("until",),
        filters=({"verb": "closed", "published.lt": "{until}"}, {"type": "Remove"}),
    )
    assert settings.registry.verbs.by_phrase("reached level") == level
    assert settings.registry.mutes("mute")


def test_workers_and_a_written_file_have_the_same_entries(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    assert Settings.from_json(settings.to_json()) == settings
    written = render_file(settings.plain(), entries=settings.entries())
    assert settings_of(tmp_path, written) == settings


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    verbs = json.dumps({"closed": {"type": "Remove"}})
    settings = settings_of(tmp_path, APSERVER__VERBS=verbs)
    assert settings.verbs == (Verb(phrase="closed", type="Remove"),)
    assert settings.flags == (Flag(name="mute", mutes=True),)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_the_example_of_the_documents_is_a_good_entry(table: Table, tmp_path: Path) -> None:
    """What stands in config.example.toml can be used as soon as it is no comment any more."""
    text = render_file({"origin": ORIGIN})
    [entry] = [part for part in text.split("\n\n") if f"#{table.label(table.example)}" in part]
    lines = [line[1:] for line in entry.splitlines() if line[:1] == "#" and line[1:2] != " "]
    settings = settings_of(tmp_path, f'origin = "{ORIGIN}"\n' + "\n".join(lines))
    assert set(tomllib.loads("\n".join(lines))[table.name][table.example]) == {
        key.name for key in table.keys
    }
    assert len(getattr(settings, table.name)) == 1


@pytest.mark.parametrize(
    ("entry", "line", "allowed"),
    [
        ("verbs.closed", 'type = "Close"', "an activity type of ActivityStreams"),
        ("verbs.closed", 'type = "Note"', "an activity type of ActivityStreams"),
        ("verbs.closed", 'roles = {"actor": "object"}', "object"),
        ("verbs.closed", 'roles = {"target": "name"}', "object"),
        ("verbs.closed", 'roles = {"object": "target", "target": "target"}', "object"),
        ("verbs.closed", 'sentences = {"en": "{actor} on {place}"}', "{target}"),
        ("verbs.closed", 'sentences = {"en": "{actor"}', "{target}"),
        ("verbs.closed", 'sentences = {"not a tag": "{actor}"}', "language tags"),
        ("verbs.closed", 'companion = "true"', "true or false"),
        ("flags.mute", 'mutes = "yes"', "true or false"),
        ("flags.mute", 'verb = " x"', "plain text"),
        ("things.issue", 'iri = "issues/{id}"', "an http(s) URL"),
        ("things.issue", 'iri = "https://shop.example/issues"', "an http(s) URL"),
        ("things.issue", 'iri = "https://{shop}.example/issues/{id}"', "an http(s) URL"),
        ("things.issue", 'iri = "https://shop.example/{id}/{id}"', "an http(s) URL"),
        ("things.issue", 'facade = "Note"', '"Group"'),
        ("things.issue", 'deletion = "keep"', '"cascade"'),
        ("things.issue", 'access = "friends"', '"none"'),
        ("things.issue", 'members = "name"', "a list of member names"),
        ("streams.closings", 'scope = "home"', '"public"'),
        ("streams.closings", 'filters = {"verb": "closed"}', "a list of tables"),
    ],
)
def test_a_bad_value_of_an_entry(entry: str, line: str, allowed: str, tmp_path: Path) -> None:
    table, _, name = entry.partition(".")
    key, _, value = line.partition(" = ")
    members = {key: json.loads(value)}
    if table == "things":
        members = {"iri": "https://shop.example/issues/{id}", **members}
    variable = f"APSERVER__{table.upper()}"
    message = problem(tmp_path, **{variable: json.dumps({name: members})})
    assert message.startswith(f"{variable}: [{entry}] {key} = ")
    assert value in message
    assert allowed in message.partition("Allowed:")[2]


def test_an_unknown_key_of_an_entry_names_the_nearest(tmp_path: Path) -> None:
    message = problem(tmp_path, FILE + '\n[verbs."was saved"]\nsentence = "x"\n')
    assert f'{tmp_path / "config.toml"}: unknown key [verbs."was saved"] sentence = "x".' in message
    assert 'Did you mean [verbs."was saved"] sentences?' in message
    assert "type, roles, sentences, companion" in message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('verbs = "closed"', 'verbs = "closed" is not allowed. Allowed: sections such as'),
        ("[verbs]\nclosed = 1", "Allowed: a section [verbs.closed] with the keys type, roles"),
        (f'[verbs."{"x" * 256}"]', "this name is not allowed. Allowed: a phrase"),
        ('[flags."Not So"]', "this name is not allowed. Allowed: small letters"),
        ("[things.issue]", "[things.issue] iri is not set. Allowed: an http(s) URL"),
        (
            '[things.issue]\niri = "https://shop.example/i/{id}"\nfacade = "Group"',
            "[things.issue]: handle holds no name of iri, and each actor needs its own. Set one, "
            "such as issue_{id}",
        ),
        (
            '[things.issue]\niri = "https://shop.example/i/{id}"\nfacade = "Group"\n'
            'handle = "issue"',
            "handle holds no name of iri",
        ),
        (
            '[things.user]\niri = "https://shop.example/u/{id}"\nuser = true\nhandle = "{id}"',
            'type is Object, but users are actors. Set type = "Person"',
        ),
        (
            '[things.issue]\niri = "https://shop.example/i/{id}"\napproval = true',
            "approval is set, and nothing can be followed. Set followable = true",
        ),
        (
            '[streams.mine]\nfilters = [{"published.lt" = "yesterday"}]',
            "in a filter, published.lt must be a date and time, such as",
        ),
        (
            '[things.issue]\niri = "https://shop.example/i/{id}"\nhandle = "i-{number}"',
            "handle uses {number}, and iri does not have it",
        ),
        (
            '[streams.mine]\nfilters = [{verb = "{verb}"}]',
            "a filter uses {verb}, and parameters does not have it",
        ),
    ],
)
def test_an_entry_that_cannot_be_used(text: str, said: str, tmp_path: Path) -> None:
    message = problem(tmp_path, f'origin = "{ORIGIN}"\n{text}\n')
    assert message.startswith(str(tmp_path / "config.toml"))
    assert said in message


def test_two_types_of_things_with_one_template(tmp_path: Path) -> None:
    """Everything would be of the first, and nothing of the second."""
    issue = '[things.issue]\niri = "https://shop.example/i/{id}"'
    bug = '[things.bug]\niri = "https://shop.example/i/{number}"'
    message = problem(tmp_path, f'origin = "{ORIGIN}"\n{issue}\n{bug}\n')
    assert message.startswith(
        '[things.bug] iri = "https://shop.example/i/{number}" fits just what [things.issue] '
        'iri = "https://shop.example/i/{id}" does. Allowed: a template of its own for each'
    )


def test_a_variable_that_is_no_json(tmp_path: Path) -> None:
    message = problem(tmp_path, APSERVER__FLAGS="mute")
    assert message.startswith('APSERVER__FLAGS: "mute" is not JSON')


def test_commands_show_and_explain_entries(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(FILE)
    shown = json.loads(apserver("config", "show", "--json", cwd=tmp_path).out)
    file = str(tmp_path / "config.toml")
    assert shown['verbs."reached level".companion'] == {"value": True, "from": file}
    assert shown["things.issue.members"] == {"value": ["name", "url"], "from": file}
    explained = json.loads(apserver("config", "explain", "things.iri", "--json", cwd=tmp_path).out)
    assert explained["variable"] == "APSERVER__THINGS"
    assert "it must be set" in explained["default"]
    table = apserver("config", "explain", "verbs", cwd=tmp_path)
    assert (table.code, '[verbs."reached level"]' in table.out) == (0, True)
    wrong = apserver("config", "explain", "verbs.sentence", cwd=tmp_path)
    assert (wrong.code, "sentences" in wrong.err) == (1, True)
