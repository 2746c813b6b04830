"""A run and its approvals together: the table of a run's moves, whole moves, the commit that each makes."""
