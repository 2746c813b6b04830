-- Names the first key that is not of the kind it should be, for whoever finds another program's data in its place.
--
-- KEYS: the index `l` of one shard or more, all on this node.

for _, key in ipairs(KEYS) do
    for _, index in ipairs({ 'l', 'n', 'u', 'd', 'q', 'y', 'o', 'x', 'a', 'p', 'g' }) do
        local kind = redis.call('TYPE', string.sub(key, 1, -2) .. index)['ok']
        if kind ~= 'none' and kind ~= 'zset' then
            return string.sub(key, 1, -2) .. index
        end
    end
end
return ''
