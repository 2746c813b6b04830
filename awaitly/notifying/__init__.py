"""Telling people: channels, what they are told, signed links, and the courier that empties the outbox."""
