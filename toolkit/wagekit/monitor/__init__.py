"""The event stream of a run, and what shows, records and reports it."""
