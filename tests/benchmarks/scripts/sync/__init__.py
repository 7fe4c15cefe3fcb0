"""Whole processes that exchange jobs, and what they are compared with."""
