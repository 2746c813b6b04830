-- Names runs to look at: those whose time has come, and those with a decision to take up.
--
-- KEYS: the index `d` of one shard or more, all on this node. ARGV: the time, and how many to name of each at most.
-- Replies time and run id in turn; the time is '' where only a decision makes a run due.

local now, limit = ARGV[1], tonumber(ARGV[2])
local out = {}

-- A run's ready approvals stand beside each other, in the order of the ids.
local function take_ready(key, named)
    local left, from = limit, 0
    while left > 0 do
        local places = redis.call('ZRANGE', key, from, from + limit + 99)
        for _, place in ipairs(places) do
            local run_id = string.sub(place, 1, string.find(place, '\0', 1, true) - 1)
            if left > 0 and not named[run_id] then
                named[run_id] = true
                out[#out + 1] = ''
                out[#out + 1] = run_id
                left = left - 1
            end
        end
        if #places < limit + 100 then
            return
        end
        from = from + #places
    end
end

for _, key in ipairs(KEYS) do
    local named = {}
    local due = redis.call('ZRANGEBYSCORE', key, '-inf', now, 'WITHSCORES', 'LIMIT', 0, limit)
    for i = 1, #due, 2 do
        named[due[i]] = true
        out[#out + 1] = due[i + 1]
        out[#out + 1] = due[i]
    end
    if #due < 2 * limit then
        take_ready(string.sub(key, 1, -2) .. 'y', named)
    end
end
return joined(out)
