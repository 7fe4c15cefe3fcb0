"""How fast and how small things are, each beside a reference of the same run.

`python -m tests.benchmarks` runs them all; `docs/benchmarks.md` says what each figure means.
"""
