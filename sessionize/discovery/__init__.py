"""What has landed, looked at before there is a pipeline for it.

A bounded look at a bucket or folder finds where hours land, reads a few objects, and says which of
their fields could be what a pipeline needs. It proposes a pipeline file, and shows what a file
would make of an hour. Nothing here writes to a store.
"""
