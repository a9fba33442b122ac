"""How fast the job is, held against what an expert would write with other tools: ``make bench``."""
