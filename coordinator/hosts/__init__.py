"""The hosts that workers run on: who has joined, which slots are where, and who is given up."""
