"""Tests of coordinator/workers/."""
