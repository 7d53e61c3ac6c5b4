"""One interface over every place where a network runs."""
