"""Lists of domains in files: what Mastodon, GoToSocial and other tools write (ux 6, "Files")."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apserver.core import limits
from apserver.core.domain_files import parse_rules, render_csv, render_json, render_plain
from apserver.core.domains import DomainRule, Severity, new_rule
from apserver.errors import BadInput, TooLarge

HEAD = "#domain,#severity,#reject_media,#reject_reports,#public_comment,#obfuscate\n"

# In the shape of Mastodon's export (app/controllers/admin/export_domain_blocks_controller.rb).
MASTODON = HEAD + (
    "bad.example,suspend,true,true,Harassment,true\n"
    'loud.example,silence,false,false,"Noise, lots of it",false\n'
    "images.example,noop,true,false,,false\n"
)
RULES = [
    new_rule(
        "bad.example",
        Severity.SUSPEND,
        reject_media=True,
        reject_reports=True,
        public_comment="Harassment",
        obfuscate=True,
    ),
    new_rule("loud.example", Severity.LIMIT, public_comment="Noise, lots of it"),
    new_rule("images.example", Severity.NONE, reject_media=True),
]


def parse(text: str, severity: Severity = Severity.SUSPEND) -> list[DomainRule]:
    return parse_rules(text.encode(), severity=severity)


def domains(text: str) -> list[tuple[str, str]]:
    return [(rule.domain, rule.severity.value) for rule in parse(text)]


# --- Reading ---------------------------------------------------------------------------------


def test_mastodons_csv_is_read() -> None:
    assert parse(MASTODON) == RULES


@pytest.mark.parametrize(
    "text",
    [
        MASTODON.replace("#", ""),
        MASTODON.replace("\n", "\r\n"),
        "\ufeff" + MASTODON,
        "\n\n" + MASTODON + "\n\n",
        MASTODON.replace("#domain", '"#domain"'),
        MASTODON.replace("true", "True").replace("false", "FALSE"),
        MASTODON.replace("silence", "limit").replace("noop", "none"),
        MASTODON.replace("bad.example", " Bad.Example. "),
    ],
    ids=["no hash", "CRLF", "BOM", "blank lines", "quoted", "case", "our words", "spelling"],
)
def test_variants_of_it_mean_the_same(text: str) -> None:
    assert parse(text) == RULES


def test_columns_may_be_missing_reordered_or_unknown() -> None:
    assert domains("severity,tags,domain\nsilence,x,a.example\n,y,b.example\n") == [
        ("a.example", "limit"),
        ("b.example", "suspend"),
    ]


def test_short_rows_have_empty_ends() -> None:
    assert domains(HEAD + "a.example,silence\nb.example\n") == [
        ("a.example", "limit"),
        ("b.example", "suspend"),
    ]


def test_mastodons_list_of_allowed_domains_is_read() -> None:
    """Its only column is #domain; the command says that they are allowed."""
    [rule] = parse("#domain\nfriend.example\n", Severity.ALLOW)
    assert rule == new_rule("friend.example", Severity.ALLOW)


def test_plain_text_is_read() -> None:
    text = "# my list\n\na.example\n  B.example.  # rude\r\nmünchen.example"
    assert domains(text) == [
        ("a.example", "suspend"),
        ("b.example", "suspend"),
        ("xn--mnchen-3ya.example", "suspend"),
    ]


def test_gotosocials_json_is_read() -> None:
    """In the shape of its domain permissions (internal/api/model/domain.go)."""
    items = [
        {
            "id": "01FBW21XJA09XYX51KV5JVBW0F",
            "domain": "bad.example",
            "suspended_at": "2021-07-30T09:20:25+00:00",
            "public_comment": "they smell",
            "private_comment": "seen by ann",
            "obfuscate": True,
        },
        {"domain": "b.example"},
        {"domain": "c.example", "severity": "silence", "reject_media": True},
    ]
    assert parse(json.dumps(items)) == [
        new_rule(
            "bad.example",
            Severity.SUSPEND,
            public_comment="they smell",
            private_comment="seen by ann",
            obfuscate=True,
        ),
        new_rule("b.example", Severity.SUSPEND),
        new_rule("c.example", Severity.LIMIT, reject_media=True),
    ]


def test_a_comment_may_have_several_lines_and_rows_are_counted_as_a_table_does() -> None:
    text = 'domain,public_comment\na.example,"one\ntwo"\nnot a domain,\n'
    with pytest.raises(BadInput, match=r"^row 3: 'not a domain'"):
        parse(text)
    assert parse(text.replace("not a domain", "b.example"))[0].public_comment == "one\ntwo"


def test_a_repeated_row_counts_once_and_an_empty_file_is_an_empty_list() -> None:
    assert domains("a.example\nA.example\n") == [("a.example", "suspend")]
    assert [domains(text) for text in ("", "\n# none\n", HEAD, "[]")] == [[], [], [], []]


# --- Refusing --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD + "a.example,suspend\nex**.org,suspend\n", "row 3: 'ex[*][*].org' is not a whole"),
        (HEAD + "a.example,block\n", "row 2: severity must be suspend, .* not 'block'"),
        (HEAD + "a.example,suspend,maybe\n", "row 2: reject_media must be true or false"),
        (HEAD + "a.example,suspend,true,true,a, b,true\n", "row 2: .* Quote comments"),
        (HEAD + "a.example,allow,true\n", "row 2: An allowed domain"),
        (HEAD + ",suspend\n", "row 2: '' is no domain"),
        (HEAD + '"a.example,suspend\n', "row 2: this is no CSV"),
        (HEAD + "a.example,,,,x\x01y\n", "row 2: A comment must not hold control"),
        (HEAD + "a.example,suspend\na.example,silence\n", "row 3: .* stands in row 2 too"),
        ("a.example,suspend\n", "first row must name the columns"),
        ("a.example\nhttps://b.example\n", "row 2: 'https://b.example' is more than a domain"),
        ("a.example\n\n# x\nb..example\n", "row 4: 'b..example' is no domain"),
        ('[{"domain": "a.example"}, "b.example"]', "row 2: It is no object"),
        ('[{"domain": 7}]', "row 1: domain must be text"),
        ('[{"domain": "a.example", "obfuscate": 1}]', "row 1: obfuscate must be text"),
        ('[{"severity": "suspend"}]', "row 1: '' is no domain"),
        ('[{"domain": "a.example", "public_comment": "\\ud800"}]', "row 1: .* surrogate"),
        ('{"domain": "a.example"}', "must be a list"),
        ("[{", "no JSON"),
        ("[" * 100_000, "no JSON"),
    ],
)
def test_what_cannot_be_a_rule_is_refused_with_its_row(text: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        parse(text)


def test_every_row_is_checked_and_the_first_faults_are_told() -> None:
    faults = "".join(f"bad {n}\n" for n in range(1, 9))
    with pytest.raises(BadInput) as refused:
        parse(f"a.example\n{faults}")
    message = str(refused.value)
    assert [f"row {n}:" in message for n in range(1, 10)] == [False] + [True] * 5 + [False] * 3
    assert message.endswith("And 3 more rows.")


def test_other_encodings_and_endless_files_are_refused() -> None:
    with pytest.raises(BadInput, match="not UTF-8 at byte 1"):
        parse_rules("aé.example".encode("latin-1"))
    with pytest.raises(TooLarge, match="16 MiB"):
        parse_rules(b"#" * (limits.DOMAIN_FILE + 1))


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
def test_only_bad_input_escapes(content: bytes) -> None:
    try:
        parsed = parse_rules(content)
    except BadInput:
        return
    assert all(rule.domain for rule in parsed)


# --- Writing ---------------------------------------------------------------------------------


def test_the_csv_is_mastodons() -> None:
    assert render_csv(RULES) == MASTODON


COMMENTS = st.text(st.characters(exclude_categories=["C"]), max_size=20)
RULE = st.builds(
    new_rule,
    st.from_regex(r"[a-z]{1,8}\.example", fullmatch=True),
    st.sampled_from([Severity.SUSPEND, Severity.LIMIT, Severity.NONE]),
    reject_media=st.booleans(),
    reject_reports=st.booleans(),
    public_comment=COMMENTS,
    obfuscate=st.booleans(),
)


@given(st.lists(RULE, max_size=8, unique_by=lambda rule: rule.domain))
def test_what_is_written_is_read_back(rules: list[DomainRule]) -> None:
    assert parse(render_csv(rules)) == rules
    assert parse(render_json(rules)) == rules
    assert [rule.domain for rule in parse(render_plain(rules))] == [rule.domain for rule in rules]


def test_private_comments_are_never_written() -> None:
    rule = new_rule("a.example", Severity.SUSPEND, private_comment="told by ann")
    for text in (render_csv([rule]), render_json([rule]), render_plain([rule])):
        assert "a.example" in text
        assert "told by ann" not in text
