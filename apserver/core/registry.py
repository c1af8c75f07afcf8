"""What a site has registered in its configuration, as one value for rules and readers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from apserver.core.custom_streams import CustomStream
from apserver.core.flags import Flag
from apserver.core.things import Things
from apserver.core.verbs import Verbs


@dataclass(frozen=True, slots=True)
class Registry:
    """Verbs by phrase and type, flags of follows and streams by name, types of things."""

    verbs: Verbs = field(default_factory=Verbs)
    flags: Mapping[str, Flag] = field(default_factory=dict)
    things: Things = field(default_factory=Things)
    streams: Mapping[str, CustomStream] = field(default_factory=dict)

    def mutes(self, flag: str) -> bool:
        """Whether follows with this flag keep things out of home."""
        known = self.flags.get(flag)
        return known is not None and known.mutes

    def verb_of_flag(self, flag: str) -> str | None:
        """What following with this flag is called; None without a flag."""
        known = self.flags.get(flag)
        return (known.verb if known and known.verb else f"started {flag}") if flag else None
