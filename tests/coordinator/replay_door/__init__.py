"""Tests of coordinator/replay_door/."""
