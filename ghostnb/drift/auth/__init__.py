"""Who may do what: users, roles, tokens, and what web pages may not."""
