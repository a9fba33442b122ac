"""Lakes that earlier releases have written, and what those releases made of the hours after."""
