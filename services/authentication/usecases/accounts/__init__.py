"""Operations on accounts: sign-up, profile, password, email address and administration."""
