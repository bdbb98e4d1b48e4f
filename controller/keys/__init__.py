"""The controller's own keys at rest: signing, preshared-key root, sealing, revocation lists."""
