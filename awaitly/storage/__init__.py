"""What is stored: a run's journal, the rows that stores keep, the Protocols of stores, the store in memory."""
