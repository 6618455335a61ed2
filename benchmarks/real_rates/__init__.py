"""What an event costs where bots live: some a second for each session, every one alone."""
