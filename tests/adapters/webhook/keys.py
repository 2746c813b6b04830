from __future__ import annotations

import base64

__all__ = ["KEY", "OLD_KEY"]

KEY = "whsec_" + base64.b64encode(b"n" * 32).decode()
OLD_KEY = "whsec_" + base64.b64encode(b"o" * 24).decode()
