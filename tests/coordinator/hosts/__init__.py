"""Tests of coordinator/hosts/."""
