"""Graph to graph: shifts, ranges, what learns, and the buffer plan."""
