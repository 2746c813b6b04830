-- Finds or makes a namespace, after trying whether this user may do all that a commit does.
--
-- KEYS[1]: the namespace's own hash; KEYS[2]: a key to try things with, in the same slot. ARGV: the newest layout that
-- is known, how many shards a new namespace gets, and the channel for hints.
-- Replies what stands there: layout and shards, or nothing where it is no namespace of awaitly.

local kind = redis.call('TYPE', KEYS[1])['ok']
if kind ~= 'none' and kind ~= 'hash' then
    return {}
end
redis.call('DEL', KEYS[2])
redis.call('ZADD', KEYS[2], 0, 'try')
redis.call('ZRANGE', KEYS[2], 0, -1)
redis.call('ZRANGEBYLEX', KEYS[2], '-', '+', 'LIMIT', 0, 1)
redis.call('ZREVRANGEBYLEX', KEYS[2], '+', '-', 'LIMIT', 0, 1)
redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', '+inf')
redis.call('ZLEXCOUNT', KEYS[2], '-', '+')
redis.call('ZCOUNT', KEYS[2], '-inf', '+inf')
redis.call('ZSCORE', KEYS[2], 'try')
redis.call('ZREM', KEYS[2], 'try')
redis.call('HINCRBY', KEYS[2], 'try', 1)
redis.call('HSET', KEYS[2], 'try', 1)
redis.call('HGET', KEYS[2], 'try')
redis.call('HMGET', KEYS[2], 'try')
redis.call('HGETALL', KEYS[2])
redis.call('HKEYS', KEYS[2])
redis.call('HDEL', KEYS[2], 'try')
redis.call('SET', KEYS[2], 'try', 'EX', 1)
redis.call('GET', KEYS[2])
redis.call('EXISTS', KEYS[2])
redis.call('DEL', KEYS[2])
redis.call('TIME')
redis.call('PUBLISH', ARGV[3], '')
if kind == 'none' then
    redis.call('HSET', KEYS[1], 'layout', ARGV[1], 'shards', ARGV[2])
end
local found = redis.call('HMGET', KEYS[1], 'layout', 'shards')
if not found[1] or not found[2] then
    return {}
end
return found
