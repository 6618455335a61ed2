"""The benchmarks run and print what they promise."""
