"""What the scenarios of tests/e2e share: a scenario with its directory and children, a recorder, a bundle, services,
oracles."""
