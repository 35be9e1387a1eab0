"""The local cloud: PostgreSQL, PgBouncer and an AWS emulator on this machine, with the real template deployed to it."""
