"""Sign-in, second step, sign-up and password reset pages; credentials are checked by authentication."""
