"""Operations on queued emails: limits, sending and clean-up."""
