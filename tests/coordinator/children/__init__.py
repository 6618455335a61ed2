"""Tests of coordinator/children/."""
