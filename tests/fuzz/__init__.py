"""A fuzzer: `make fuzz`. Each case is made from its number and the seed, and can be tried again."""
