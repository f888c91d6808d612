"""Operations on the end of sessions and accounts: revocation and back-channel logout."""
