"""The GraphQL API: schema, queries, their price, and how each field is read."""
