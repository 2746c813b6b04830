-- Reads all notices of a run: field and value in turn.
--
-- KEYS[1]: the hash of its notices.

return joined(redis.call('HGETALL', KEYS[1]))
