"""Gating tool calls: what an agent wants to call is shown to people first, and is called as approved, once."""
