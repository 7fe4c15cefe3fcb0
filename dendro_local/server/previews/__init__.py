"""What is in a file of a job, for people to look at: a part that is small, however large it is.

Text and tables are read by the hub itself, a bounded piece at a time. What needs a parser of
strangers' files is read by `dendro_local.server.previews.reading` in a process of its own, with
limits of time and memory, so that nothing that a file can do to its reader touches the hub.

Nothing is imported here: that process begins with this module.
"""
