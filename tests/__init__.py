"""The suite: its folders mirror the packages; chaos, clients, e2e and fingerprint cross them."""
