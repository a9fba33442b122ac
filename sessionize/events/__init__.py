"""From records to events: what is valid, when it happened, what follows from it (contract §2)."""
