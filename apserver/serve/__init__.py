"""Incoming HTTP. Only here (and for requests of our own in net) is aiohttp used."""
