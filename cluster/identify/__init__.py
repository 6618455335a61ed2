"""Who may identify when: Discord's buckets and the daily budget, as pure logic."""
