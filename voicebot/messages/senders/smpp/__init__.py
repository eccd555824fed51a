"""SMPP 3.4: the codec, one bound session, receipts, and the sender that keeps a session up.

Ours, because the fate of each submit must be known (refused, not taken, perhaps taken) and a receipt may be acknowledged only
when it is stored; the libraries of PyPI (smpplib, aiosmpplib, smpp34) do neither, and some log whole messages.
"""
