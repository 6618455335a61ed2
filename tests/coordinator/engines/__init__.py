"""Tests of coordinator/engines/."""
