"""The terms of the project: columns and schemas, hours, quarantine reasons, errors."""
