"""Walls that import contracts cannot see: calls, strings and names that belong in one place."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.meta.imports import imported_modules
from tests.meta.project import ROOT, Source, project_files, sources

# What core may import besides itself and apserver.errors: values, text and numbers, no world.
PURE_MODULES = {
    "__future__", "abc", "apserver.core", "apserver.errors", "base64", "binascii", "bisect",
    "codecs", "collections", "contextlib", "copy", "cryptography", "csv", "dataclasses",
    "datetime", "decimal", "email.utils", "enum", "functools", "hashlib", "heapq", "hmac",
    "html", "idna", "ipaddress", "itertools", "json", "markdown_it", "math", "nh3", "operator",
    "re", "rfc8785", "string", "struct", "sys", "textwrap", "types", "typing", "unicodedata",
    "urllib.parse", "uuid", "xml.sax.saxutils",
}  # fmt: skip

# Calls that read a clock, draw at random or touch files, by the last part of their name.
WORLDLY_CALLS = {
    "generate", "generate_private_key", "input", "now", "open", "print", "read_bytes",
    "read_text", "today", "urandom", "utcnow", "uuid1", "uuid4", "uuid7", "write_text",
}  # fmt: skip

SQL_WORD = re.compile(r"\b(SELECT|INSERT|UPDATE|DELETE)\b")
SQL_START = re.compile(r"\s*(SELECT\s|INSERT\s+INTO\s|UPDATE\s+\w+\s+SET\s|DELETE\s+FROM\s)")

# Folders of one machine, and hosts that packages come from.
ELSEWHERE = re.compile(
    r"(?<![\w.])/(?:work|root|farm)/|/opt/(?:pypi|wheels)|/tmp/\w+work/"
    r"|pythonhosted\.|pypi\.(?:org|python)|npmjs\.|deb\.debian\."
)


def planted(text: str, place: str = "apserver/core/x.py") -> Source:
    return Source(place, text, ast.parse(text))


def is_pure(module: str) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in PURE_MODULES)


def called_names(source: Source) -> Iterator[str]:
    """The last part of what is called: `now` for `datetime.now()`."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call):
            match node.func:
                case ast.Name(id=name) | ast.Attribute(attr=name):
                    yield name


def pieced_sql(source: Source) -> Iterator[int]:
    """Lines on which SQL is put together: f-strings, `%`, `.format`, and `+` with what varies.

    `"SELECT " + COLUMNS` is fine, and so is f"SELECT {COLUMNS}": the name is upper-case, so it is a
    constant too.
    """
    for node in ast.walk(source.tree):
        match node:
            case ast.JoinedStr(values=pieces):
                values = [one.value for one in pieces if isinstance(one, ast.FormattedValue)]
                fixed = all(is_fixed(value) for value in values)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                pieces = [left, right]
                fixed = all(is_fixed(piece) for piece in pieces)
            case ast.BinOp(left=text, op=ast.Mod()):
                pieces, fixed = [text], False
            case ast.Call(func=ast.Attribute(value=text, attr="format")):
                pieces, fixed = [text], False
            case _:
                continue
        worded = (isinstance(p, ast.Constant) and SQL_WORD.search(str(p.value)) for p in pieces)
        if not fixed and any(worded):
            yield node.lineno


def is_fixed(text: ast.expr) -> bool:
    """A literal, a constant by its name, or a sum of others, which is looked at on its own."""
    match text:
        case ast.Constant() | ast.BinOp(op=ast.Add()):
            return True
        case ast.Name(id=name):
            return name.isupper()
    return False


def statements(source: Source) -> Iterator[int]:
    """Lines with a string that is an SQL statement."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Constant) and SQL_START.match(str(node.value)):
            yield node.lineno


def test_core_is_pure() -> None:
    core = sources("apserver/core")
    assert len(core) > 1
    impure = [
        f"{source.place}: {name}"
        for source in core
        for name in (
            *(module for module in imported_modules(source) if not is_pure(module)),
            *WORLDLY_CALLS.intersection(called_names(source)),
        )
    ]
    assert impure == []


def test_an_impure_core_is_seen() -> None:
    bad = planted("import urllib.request\nfrom datetime import datetime\nat = datetime.now()\n")
    assert {name for name in imported_modules(bad) if not is_pure(name)} == {"urllib.request"}
    assert WORLDLY_CALLS.intersection(called_names(bad)) == {"now"}


def test_only_net_opens_http_clients() -> None:
    elsewhere = [
        source.place
        for source in sources("apserver")
        if "ClientSession" in called_names(source) and not source.place.startswith("apserver/net/")
    ]
    assert elsewhere == []


def test_only_the_compaction_process_loads_pyld() -> None:
    """security.md: rule 8: it is slow, pulls in lxml, and works on what strangers send."""
    loading = [
        source.place
        for source in sources("apserver")
        if any(module.split(".")[0] == "pyld" for module in imported_modules(source))
    ]
    child, form = "apserver.compaction.child", "apserver.compaction.signed_form"
    assert loading == [f"{one.replace('.', '/')}.py" for one in (child, form)]
    importing = [
        source.place
        for source in sources("apserver")
        if {child, form} & set(imported_modules(source))
    ]
    assert importing == ["apserver/compaction/child.py"]


def test_xxe_no_xml_is_parsed() -> None:
    """security.md: xxe: what comes as XML is not read, so no entity can be loaded."""
    parsers = {"xml", "lxml", "html", "defusedxml", "bs4"}
    writers = {"xml.sax.saxutils", "html"}  # which escapes; html.parser parses
    parsing = [
        f"{source.place}: {module}"
        for source in sources("apserver")
        for module in imported_modules(source)
        if module.split(".")[0] in parsers and module not in writers
    ]
    assert parsing == []


#: Where patterns are made at run time: of our own words, and of the templates that the
#: configuration gives, whose literal parts are escaped.
MADE_PATTERNS = {
    "apserver/core/emoji.py",
    "apserver/core/hashtags.py",
    "apserver/core/lexical.py",
    "apserver/core/mentions.py",
    "apserver/core/origin.py",
    "apserver/core/signatures/dates.py",
    "apserver/core/things.py",
    "apserver/cures.py",
}


def made_patterns(source: Source) -> Iterator[int]:
    """Lines on which a pattern is compiled or used that does not stand there as text."""
    for node in ast.walk(source.tree):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="re"), attr=called), args=[pattern, *_]
            ) if called != "escape" and not isinstance(pattern, ast.Constant):
                yield node.lineno


def test_CVE_2021_29471_no_pattern_of_a_user_is_compiled() -> None:
    """CVE-2021-29471: a filter such as a*a*a* costs nothing, for it is only text here: every
    pattern stands in the code, and nothing else makes one."""
    assert {one.place for one in sources("apserver") if list(made_patterns(one))} == MADE_PATTERNS
    matching = {"fnmatch", "glob", "regex", "sre_compile"}
    assert [one.place for one in sources("apserver") if matching & imported_modules(one)] == []
    assert list(made_patterns(planted("import re\nre.compile(given)\n"))) == [2]
    assert list(made_patterns(planted("import re\nre.compile('a*')\nre.escape(x)\n"))) == []


def test_sql_is_never_pieced_together() -> None:
    """CVE-2023-28853: text never becomes SQL."""
    found = [
        f"{source.place}:{line}" for source in sources("apserver") for line in pieced_sql(source)
    ]
    assert found == []


def test_sql_stands_only_in_store() -> None:
    found = [
        f"{source.place}:{line}"
        for source in sources("apserver")
        if not source.place.startswith("apserver/store/")
        for line in statements(source)
    ]
    assert found == []
    assert any(list(statements(source)) for source in sources("apserver/store"))


def test_pieced_sql_is_seen() -> None:
    bad = planted(
        "a = f'SELECT {x}'\n"
        "b = 'DELETE FROM t WHERE ' + where\n"
        "c = 'INSERT INTO %s' % table\n"
        "d = 'UPDATE {}'.format(table)\n"
        "fine = 'SELECT ' + _COLUMNS + ' FROM t'\n"
    )
    assert sorted(pieced_sql(bad)) == [1, 2, 3, 4]
    assert sorted(statements(bad)) == [1, 2, 3, 5]


def test_no_file_knows_one_machine_or_a_registry() -> None:
    found = [
        f"{place}: {hit[0]}"
        for place in project_files()
        if (hit := ELSEWHERE.search((ROOT / place).read_text(errors="replace")))
    ]
    assert found == []


def test_a_machine_path_is_seen() -> None:
    assert ELSEWHERE.search("see " + "/".join(["", "root", ".pyenv"]))
    assert not ELSEWHERE.search("https://social.example/work/1")
