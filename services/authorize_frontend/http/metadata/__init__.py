"""Discovery documents and the key set: public JSON, no pages."""
