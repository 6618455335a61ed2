"""Tests of coordinator/state/."""
