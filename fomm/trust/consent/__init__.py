"""Who agreed to what: the ledger of consents, the photos they name, and the question before every render."""
