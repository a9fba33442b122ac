"""One hour: events and the state before in, sessions and the state after out.

`hour.sessionize` reads like the contract (§3): its six steps are the modules ``duplicates``,
``lateness``, ``boundaries`` and ``columns``, and ``watermark``.
"""
