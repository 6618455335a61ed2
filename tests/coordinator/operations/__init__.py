"""Tests of coordinator/operations/."""
