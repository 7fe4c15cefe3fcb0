"""Whose signatures are believed."""
