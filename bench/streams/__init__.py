"""Benchmark of streams: a million actions, read here and with django-activity-stream.

`python -m bench.streams` fills two databases of one PostgreSQL with the same actions, ours and
that of the original (in the tables that its own migrations make), and reads the same pages of both
in turn. What is where:

* `shape`: the actions, and who follows what, as SQL that both databases run;
* `fill_ours`, `fill_original`: the rows that each side has of them;
* `cases`: the pages that are read;
* `ours`, `original`: how they are read; `original_site` runs in the original's own environment;
* `table`: the figures, and docs/performance.md.
"""
