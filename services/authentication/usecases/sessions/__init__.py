"""Operations on sessions: start, use, list, end and clean-up."""
