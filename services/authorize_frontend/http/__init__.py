"""The HTTP side: routes, pages, cookies and redirects, one package per area. It stores nothing and decides nothing."""
