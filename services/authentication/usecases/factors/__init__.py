"""Operations on second factors: enrolment, verification and removal."""
