"""Builders of the objects that strict parsers read, field by field as the documentation has them.

Each builder is a pure function of its arguments and returns a new dict ready for JSON: ids are
decimal strings, timestamps ISO 8601, nullable fields are None.
"""
