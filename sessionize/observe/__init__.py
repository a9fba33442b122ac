"""What an operator asks of a lake, told from its ledgers and files; nothing here writes to it."""
