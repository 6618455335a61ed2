"""Fuzzers of what comes from outside, and the corpus that tests share with them."""
