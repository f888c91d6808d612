"""Operations on authorization requests, consents and device authorizations."""
