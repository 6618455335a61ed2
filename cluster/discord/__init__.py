"""Discord as its documentation has it: opcodes, close codes, intents, limits, accounts, URLs."""
