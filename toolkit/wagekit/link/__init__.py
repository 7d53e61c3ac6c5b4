"""The serial link: protocol schema, framing, session and transports."""
