"""Verb 3, reauthorize: from a click to a login that is proven and replaces the old one."""
