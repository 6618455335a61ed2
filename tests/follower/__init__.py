"""A reader that follows the sandbox's stream as a client's cache does, compared with the world."""
