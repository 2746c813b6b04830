"""Workflow code over what is recorded: definitions, the `Run` it holds, replay, and execution without a store."""
