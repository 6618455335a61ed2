"""Enumerations and flags of events and objects: a file a theme."""
