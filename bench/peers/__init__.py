"""The same job, written the way an expert would in each tool; each is one process of its own."""
