"""`python -m apserver` is the command line."""

import sys

from apserver.cli import main

sys.exit(main())
