"""The languages of pages and emails: catalogs in gettext's format, translation, and the choice of the language.

Templates and code contain the English text. `make words` collects it; translations are in `catalogs/<tag>/latchkey.po`.
"""
