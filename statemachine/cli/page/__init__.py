"""The page that `monitored-session report` makes of a log: one file that needs nothing else."""
