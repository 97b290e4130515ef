"""The coordinator behind scripts/peers: installs engines, runs them one at a time, makes the table.

Python's standard library only.
"""
