"""Operations on tokens: issuing, introspection, revocation and userinfo."""
