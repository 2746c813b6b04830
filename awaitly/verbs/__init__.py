"""What an application calls: each verb loads, decides by the tables, commits and returns."""
