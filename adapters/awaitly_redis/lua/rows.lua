-- Reads the rows that a listing has named.
--
-- KEYS: the hash of each run, all on this node. ARGV: for each the field of an approval, or 'r' for the run itself.
-- Replies two parts for each: header and body of a run, or the value of an approval and ''; both '' where it is gone.

local out = {}
for i, key in ipairs(KEYS) do
    if ARGV[i] == 'r' then
        local row = redis.call('HMGET', key, 'r', 'b')
        out[2 * i - 1], out[2 * i] = row[1] or '', row[2] or ''
    else
        out[2 * i - 1], out[2 * i] = redis.call('HGET', key, ARGV[i]) or '', ''
    end
end
return joined(out)
