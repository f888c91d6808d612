"""SQL: the rows, the queries, and the way from one to the other."""
