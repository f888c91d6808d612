"""The browser edge: pages, cookies, redirects and the public metadata. It has no database and holds no key."""
