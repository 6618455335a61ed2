"""Tests of coordinator/replay/."""
