-- Names what stands in a span of an index, in order within each shard, without what all of it begins with.
--
-- KEYS: the index of one shard or more, all on this node. ARGV: what all of it begins with, the span's two ends as
-- ZRANGEBYLEX takes them, and how many to name of each shard at most.

local out = {}
for _, key in ipairs(KEYS) do
    for _, member in ipairs(redis.call('ZRANGEBYLEX', key, ARGV[2], ARGV[3], 'LIMIT', 0, tonumber(ARGV[4]))) do
        out[#out + 1] = string.sub(member, #ARGV[1] + 1)
    end
end
return joined(out)
