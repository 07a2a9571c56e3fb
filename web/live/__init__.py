"""What is sent while it happens: the stream of a status, requests that share a query, the bell that wakes workers."""
