"""The control endpoint: requests of people and programs, and who subscribes."""
