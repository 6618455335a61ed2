"""Tests of coordinator/hub/."""
