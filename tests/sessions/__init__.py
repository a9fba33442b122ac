"""Sessions: the law, hand-made examples, and the plain reference that both stand on."""
