"""Settings: the table of keys, the file and the environment that set them, and the values.

A value comes from, the first that has it: an option of the command, the environment
(`APSERVER__SECTION__KEY`), the file, the default of the table. What cannot be used raises
ConfigProblem (exit code 78), which names the place, the key, the value seen and the values
allowed.
"""

from apserver.config.keys import BY_DOTTED, KEYS, PREFIX, Key
from apserver.config.settings import (
    Database,
    Federation,
    Limits,
    Log,
    Retention,
    Server,
    Settings,
    Tls,
    default_data_dir,
    load,
    settle,
)
from apserver.config.sources import FILE_NAME, FILE_VARIABLE, Given, find_file, read
from apserver.config.tables import TABLES, TABLES_BY_NAME, Table
from apserver.config.values import (
    check_handle_host,
    check_origin,
    split_listen,
    without_password,
)

__all__ = [
    "BY_DOTTED",
    "FILE_NAME",
    "FILE_VARIABLE",
    "KEYS",
    "PREFIX",
    "TABLES",
    "TABLES_BY_NAME",
    "Database",
    "Federation",
    "Given",
    "Key",
    "Limits",
    "Log",
    "Retention",
    "Server",
    "Settings",
    "Table",
    "Tls",
    "check_handle_host",
    "check_origin",
    "default_data_dir",
    "find_file",
    "load",
    "read",
    "settle",
    "split_listen",
    "without_password",
]
