"""The logs of a cluster's processes: how a line is written, and how it is read again."""
