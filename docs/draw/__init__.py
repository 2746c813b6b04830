"""The programs that draw the pictures of these docs."""
