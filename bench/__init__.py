"""Benchmarks: what each hot path costs in CPU time, against what this kind of machine can do.

`python -m bench` starts a real server (`apserver serve`, with its own PostgreSQL), sends it
requests from this process, and reads the CPU time of the server's processes. How to read the
figures stands in docs/performance.md, which `python -m bench --write` brings up to date.
"""
