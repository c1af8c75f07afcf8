"""The pure core: ActivityStreams as values and rules. Knows no socket, clock, file or SQL."""
