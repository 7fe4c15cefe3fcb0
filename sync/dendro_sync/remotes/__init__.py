"""The kinds of places that jobs are exchanged with, behind one Protocol."""
