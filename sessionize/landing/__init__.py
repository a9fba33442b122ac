"""Reading what Firehose lands."""
