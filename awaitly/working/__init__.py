"""Executing runs: one executor's hold on a run, and the worker that takes up what is due."""
