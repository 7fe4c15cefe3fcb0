"""The statements of each step that a store's tables go through. A released one is never edited."""
