"""The web side: the way in for a login, the connections page, the API and health.

Reading order: website.py → listening.py → security.py → reauthorize.py →
callback.py → connect.py → connections.py → api.py → health.py.
"""
