"""Functions of the site's own that the configuration names."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from apserver.config import Settings
from apserver.errors import ConfigProblem
from apserver.flow.screening import Screen


def screen_of(settings: Settings) -> Screen:
    """What ``[hooks] check`` names. ConfigProblem when it cannot be loaded, or is no function."""
    name = settings.hooks.check
    if not name:
        return Screen()
    return Screen(_function(name), must_answer=settings.hooks.on_failure == "refuse")


def _function(name: str) -> Any:
    module, _, attribute = name.partition(":")
    try:
        found = getattr(import_module(module), attribute)
        if not callable(found):
            raise TypeError(f"{attribute} is no function")
    except Exception as error:  # whatever the module raises when it is imported
        raise ConfigProblem(
            f"[hooks] check = {name!r} cannot be used: {error}. Mend or install the module, or "
            "leave the setting out."
        ) from error
    return found
