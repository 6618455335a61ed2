"""The session as a state machine, frames and payloads: pure, no I/O."""
