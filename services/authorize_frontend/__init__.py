"""authorize-frontend: pages, cookies, redirects and public metadata. It has no database and no signing key."""
