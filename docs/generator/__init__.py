"""What the documentation's site has beside the pages of docs/, made from the code when it is built.

`make docs` runs MkDocs, which takes the pages of docs/ as they are and these from ``hook``: every
key of the configuration, every verb of the command line, and the files of the repository that pages
link to. What they say is nowhere written twice.
"""
