"""Training and evaluation of the networks; nothing else imports this package."""
