"""The same small jobs done by dendro-local and by others of its kind, one script each.

``python -m tests.benchmarks.scripts.peers.by_huey FOLDER WORKERS JOBS`` prints what `course`
measures as JSON.
"""
