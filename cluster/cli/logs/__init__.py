"""The logs of a cluster's processes as one stream: read from files, merged by time, shown."""
