"""What numba prepares when it compiles a first function, in about half a second.

A warm host imports this, so that its jobs find it done. The function has no loops to be run in
parallel: with these, numba would start threads, which a fork does not take along.
"""

import numba


@numba.njit("int64(int64)")  # type: ignore[untyped-decorator]
def same(number: int) -> int:
    """The number itself."""
    return number
