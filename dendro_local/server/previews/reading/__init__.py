"""Reads files of strangers, in a process of its own: ``python -I -m`` this package.

It is told what is wanted by one argument, a `Question` in JSON; the file is its standard input,
already open. It answers with one `Reply` in JSON on its standard output, or dies.
"""
