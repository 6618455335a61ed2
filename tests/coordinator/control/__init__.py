"""Tests of coordinator/control/."""
