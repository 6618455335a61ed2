"""The name that programs import: what it gives, what it loads, what it says of foreign packages."""
