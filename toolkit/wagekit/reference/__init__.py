"""The golden model: a NumPy interpreter of the graph, forward and update."""
