"""The ground floor: the words that processes say to each other. Imports nothing above it."""
