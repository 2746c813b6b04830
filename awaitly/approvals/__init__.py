"""An approval and its policy: who may decide, by when and what then; its record, its table of moves, its ledger."""
