"""The command line ``monitored-session``: reads, audits, compares and exports event logs.

Its libraries come with the extra ``cli``; importing this package alone brings none of them.
"""
