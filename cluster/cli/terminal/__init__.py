"""How things are shown in a terminal: tables, live views, words for numbers."""
