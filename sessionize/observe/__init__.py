"""What an operator asks of a lake, answered from its ledgers and files; nothing is written to it."""
