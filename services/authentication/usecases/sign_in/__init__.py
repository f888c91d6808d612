"""Operations of sign-in: password, second step, passkey and step-up."""
