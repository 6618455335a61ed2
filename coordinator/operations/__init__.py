"""What takes its time: scale, reshard, restart."""
