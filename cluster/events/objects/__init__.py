"""What is nested in events: a file a theme. Fields that came later are passed over."""
