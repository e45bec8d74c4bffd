"""One file per official client: `call` makes a call, `ERRORS` is what it may raise, `fields` what is in that."""
