-- Gives the next times that come: the first of each shard and lane, or channel, 8 bytes each.
--
-- KEYS: the index `d` (for all lanes as one), `q` (for some) or `p` (of notices) of one shard or more, all on this node.
-- ARGV: the time after which (8 bytes), then what stands ahead of the times that are wanted: nothing in `d`, a lane
-- behind its length in `q`, a channel likewise in `p`.

local now = ARGV[1]
local out = {}

for _, key in ipairs(KEYS) do
    for i = 2, #ARGV do
        local ahead = ARGV[i]
        local from, to = '(' .. ahead .. now .. '\255', after_group(ahead)
        local first = redis.call('ZRANGEBYLEX', key, from, to, 'LIMIT', 0, 1)[1]
        if first then
            out[#out + 1] = string.sub(first, #ahead + 1, #ahead + 8)
        end
    end
end
return joined(out)
