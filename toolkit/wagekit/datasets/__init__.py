"""Small real data that ships, and readers for standard formats."""
