"""The documentation; `generator` makes the pages that follow from the code."""
