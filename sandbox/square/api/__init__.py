"""The operations of Square's API that a reader uses, and how their lists are paged."""
