"""Pages of the signed-in user's own account; the sign-in itself is in `sign_in`."""
