from hypothesis import settings

# How long one example takes says nothing on a busy machine; `timeout` in pyproject.toml ends what hangs.
settings.register_profile("latchkey", deadline=None)
settings.load_profile("latchkey")
