"""What `status` tells, as metrics for Prometheus.

Names, units and types are by Prometheus's conventions ("Metric and label naming", "Writing
exporters"): base units, `_total` for what only grows, no label whose values are without bound.
A number that is not known has no sample; it is not zero. docs/reference/metrics.md has them all.
"""

from coordinator.http.metrics.rendering import content_type, families, render

__all__ = ["content_type", "families", "render"]
