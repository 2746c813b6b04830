"""The HTTP API's handlers, by what they are about."""
