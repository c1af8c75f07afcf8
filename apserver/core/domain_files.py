"""Lists of domains as servers exchange them: Mastodon's CSV, plain text, GoToSocial's JSON.

*CSV* is what Mastodon's "Export domain blocks" writes: ``#domain,#severity,#reject_media,
#reject_reports,#public_comment,#obfuscate``. Other tools leave the ``#`` out, leave columns out,
or add some; only the domain must be there. Its list of allowed domains has that column alone.
*Plain text* has a domain a line; what follows a ``#`` is a comment. *JSON* is an array of objects
with a ``domain``, as GoToSocial's admin pages write it.

A file is taken as a whole or not at all: every row is checked, and the error names the rows.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from apserver.core import limits
from apserver.core.domains import DomainRule, Severity, check_not_own, new_rule
from apserver.errors import BadInput, TooLarge

#: Mastodon's words for what we call otherwise.
_FROM_MASTODON = {"silence": "limit", "noop": "none"}
_TO_MASTODON = {Severity.LIMIT: "silence", Severity.NONE: "noop"}
_TRUE = frozenset({"true", "t", "yes", "y", "1"})
_FALSE = frozenset({"false", "f", "no", "n", "0", ""})
_PROBLEMS_TOLD = 5

#: A row by the names of its columns, or what is wrong with it.
_Row = Mapping[str, Any] | BadInput
_Rows = Iterator[tuple[int, _Row]]


def parse_rules(
    content: bytes, *, severity: Severity = Severity.SUSPEND, own_hosts: Sequence[str] = ()
) -> list[DomainRule]:
    """The rules in a file of any of the three kinds, in its order; BadInput names the bad rows.

    ``severity`` is that of rows that do not tell theirs. The kind shows in the content. Rules
    against ``own_hosts`` are bad.
    """
    if len(content) > limits.DOMAIN_FILE:
        raise TooLarge(f"The file is larger than {limits.DOMAIN_FILE >> 20} MiB.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"The file is not UTF-8 at byte {error.start}.") from None
    rules: dict[tuple[str, bool], tuple[int, DomainRule]] = {}
    problems: list[str] = []
    for number, row in _rows(text):
        try:
            rule = _rule(row, severity)
            check_not_own(rule, own_hosts)
            first, known = rules.setdefault(rule.key, (number, rule))
            if known != rule:
                raise BadInput(f"{rule.domain} stands in row {first} too, and differs.")
        except BadInput as error:
            problems.append(f"row {number}: {error}")
    if problems:
        more = len(problems) - _PROBLEMS_TOLD
        also = [f"And {more} more rows."] if more > 0 else []
        raise BadInput(" ".join([*problems[:_PROBLEMS_TOLD], *also]))
    return [rule for _, rule in rules.values()]


def _rows(text: str) -> _Rows:
    """The rows: of CSV as a table counts them, its head is row 1; of plain text its lines."""
    if text.lstrip()[:1] in ("[", "{"):
        return _json_rows(text)
    head = next((line for line in text.splitlines() if line.strip()), "")
    columns = [_column(cell) for cell in head.split(",")]
    if "domain" in columns:
        return _csv_rows(text.lstrip())
    if len(columns) > 1:
        raise BadInput(
            "The first row must name the columns, one of them domain: #domain,#severity,…"
        )
    return _plain_rows(text)


def _column(cell: str) -> str:
    return cell.strip().strip('"').strip().removeprefix("#").lower()


def _csv_rows(text: str) -> _Rows:
    reader = csv.reader([f"{line}\n" for line in text.split("\n")], strict=True)
    columns: list[str] = []
    number = 0
    try:
        for number, cells in enumerate(reader, start=1):
            if number == 1:
                columns = [_column(cell) for cell in cells]
            elif any(cells):
                yield number, _named(columns, cells)
    except csv.Error as error:
        raise BadInput(f"row {number + 1}: this is no CSV: {error}.") from None


def _named(columns: list[str], cells: list[str]) -> _Row:
    if len(cells) > len(columns):
        return BadInput("It has more cells than the first row. Quote comments with commas.")
    return dict(zip(columns, cells, strict=False))


def _plain_rows(text: str) -> _Rows:
    for number, line in enumerate(text.splitlines(), start=1):
        domain = line.partition("#")[0].strip()
        if domain:
            yield number, {"domain": domain}


def _json_rows(text: str) -> _Rows:
    try:
        items = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"The file is no JSON: {error}.") from None
    if not isinstance(items, list):
        raise BadInput('The JSON must be a list: [{"domain": …}, …].')
    for number, item in enumerate(items, start=1):
        is_row = isinstance(item, dict)
        yield number, item if is_row else BadInput('It is no object like {"domain": …}.')


def _rule(row: _Row, severity: Severity) -> DomainRule:
    if isinstance(row, BadInput):
        raise row
    return new_rule(
        _text(row, "domain"),
        _severity(_text(row, "severity"), severity),
        reject_media=_switch(row, "reject_media"),
        reject_reports=_switch(row, "reject_reports"),
        public_comment=_text(row, "public_comment"),
        private_comment=_text(row, "private_comment"),
        obfuscate=_switch(row, "obfuscate"),
    )


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadInput(f"{name} must be text.")
    return value


def _switch(row: Mapping[str, Any], name: str) -> bool:
    value = row.get(name)
    if isinstance(value, bool):
        return value
    word = _text(row, name).strip().lower()
    if word not in _TRUE | _FALSE:
        raise BadInput(f"{name} must be true or false, not {word[:40]!r}.")
    return word in _TRUE


def _severity(word: str, otherwise: Severity) -> Severity:
    word = word.strip().lower()
    if not word:
        return otherwise
    try:
        return Severity(_FROM_MASTODON.get(word, word))
    except ValueError:
        raise BadInput(
            f"severity must be suspend, limit (or silence), none (or noop) or allow, "
            f"not {word[:40]!r}."
        ) from None


def render_csv(rules: Iterable[DomainRule]) -> str:
    """Rules as Mastodon's CSV. Private comments stay here."""
    names = ("domain", "severity", "reject_media", "reject_reports", "public_comment", "obfuscate")
    lines = [",".join(f"#{name}" for name in names)]
    for rule in rules:
        shown = _shown(rule) | {"severity": _TO_MASTODON.get(rule.severity, rule.severity.value)}
        lines.append(",".join(_cell(shown[name]) for name in names))
    return "\n".join(lines) + "\n"


def _cell(value: object) -> str:
    """A value as RFC 4180 has it (2.5 to 2.7)."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if any(mark in text for mark in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text


def render_json(rules: Iterable[DomainRule]) -> str:
    """Rules as a JSON array that GoToSocial reads too. Private comments stay here."""
    items = [json.dumps(_shown(rule), ensure_ascii=False) for rule in rules]
    return "[" + ",".join(f"\n  {item}" for item in items) + "\n]\n"


def render_plain(rules: Iterable[DomainRule]) -> str:
    """The domains alone, one a line."""
    return "".join(f"{rule.domain}\n" for rule in rules)


def _shown(rule: DomainRule) -> dict[str, object]:
    return {
        "domain": rule.domain,
        "severity": rule.severity.value,
        "reject_media": rule.reject_media,
        "reject_reports": rule.reject_reports,
        "public_comment": rule.public_comment,
        "obfuscate": rule.obfuscate,
    }
