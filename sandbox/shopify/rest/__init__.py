"""The legacy REST API: lists, single records, and the documents that webhooks send too."""
