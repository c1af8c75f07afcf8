"""apserver: an ActivityPub server that keeps, shows and federates activity streams."""

__version__ = "0.1.0"
