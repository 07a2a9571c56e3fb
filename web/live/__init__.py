"""What is told while it happens: the stream of a status, questions that share a query, the bell for the workers."""
