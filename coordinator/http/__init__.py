"""HTTP for people and their tools: metrics, probes, status, and a page; a process of its own."""
