"""What goes to Discord: limits, queues, requests for members, guild subscriptions."""
