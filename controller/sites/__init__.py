"""Sites' access to the network: enrolment, key rotation, revocation."""
