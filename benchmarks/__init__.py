"""What an event, an idle session and a flood cost: ``make bench`` (docs/benchmarks.md)."""
