"""Operations on clients: authentication, administration and registration."""
