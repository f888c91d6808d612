"""The languages that people are spoken to in: catalogs in gettext's format, and whose turn it is to speak which.

English is what the templates and the code say. `make words` collects it, `catalogs/<tag>/latchkey.po` has the rest.
"""
