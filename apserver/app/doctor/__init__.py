"""Looks at everything that a server needs, and says what is wrong and how to mend it.

Nothing is changed: no folder made, no schema brought up to date.
"""

from apserver.app.doctor.checks import Check, State, is_well
from apserver.app.doctor.database import examine_database
from apserver.app.doctor.folder import examine_folder
from apserver.app.doctor.outside import examine_outside

__all__ = [
    "Check",
    "State",
    "examine_database",
    "examine_folder",
    "examine_outside",
    "is_well",
]
