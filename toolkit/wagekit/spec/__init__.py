"""What the user wrote: network.toml and the Python description of a network, nothing derived."""
