"""Tests of coordinator/identifies/."""
