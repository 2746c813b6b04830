-- Names open approvals of a listing, oldest first within each shard and workflow: the time of asking (8 bytes), the
-- run's id, a zero, and the key of each.
--
-- KEYS: the index `o` of one shard or more, all on this node. ARGV: how many of each, behind which ('' for from the
-- start), how many rows make a filter narrow, then the filters, each '' or behind an '=': prefix, workflow, alive at,
-- asked before, deadline before (8 bytes each), and the last as a bound of scores.

local limit, after, narrow = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])
local function filter(at)
    return ARGV[at] ~= '' and string.sub(ARGV[at], 2)
end
local prefix, workflow, alive_at, asked_before, deadline_before = filter(4), filter(5), filter(6), filter(7), filter(8)
local deadline_score = ARGV[9]
local out = {}

local function passes(run_id, asked, deadline)
    return (not prefix or string.sub(run_id, 1, #prefix) == prefix)
        and (not alive_at or is_before(alive_at, deadline))
        and (not asked_before or is_before(asked, asked_before))
        and (not deadline_before or is_before(deadline, deadline_before))
end

local function take(base, run_id, key)
    local value = redis.call('HGET', base .. 'r' .. run_id, 'a' .. key)
    local approval = value and approval_of(value)
    if approval and approval.open and passes(run_id, approval.asked, approval.deadline)
        and (not workflow or string.sub(approval.group, 3) == workflow) then
        out[#out + 1] = approval.asked .. run_id .. '\0' .. key
    end
end

local function take_of_runs(base, run_ids)
    for _, run_id in ipairs(run_ids) do
        for _, field in ipairs(redis.call('HKEYS', base .. 'r' .. run_id)) do
            if string.sub(field, 1, 1) == 'a' then
                take(base, run_id, string.sub(field, 2))
            end
        end
    end
end

local function take_places(base, places)
    for _, place in ipairs(places) do
        local ending = string.find(place, '\0', 1, true)
        take(base, string.sub(place, 1, ending - 1), string.sub(place, ending + 1))
    end
end

local function take_of_group(base, group)
    local from = after == '' and '[' .. group or '(' .. group .. after .. '\0' .. NOTHING
    local to = asked_before and '(' .. group .. asked_before or after_group(group)
    local left = limit
    local at_once = (prefix or alive_at or deadline_before) and math.max(limit, 200) or limit
    while left > 0 do
        local members = redis.call('ZRANGEBYLEX', base .. 'o', from, to, 'LIMIT', 0, at_once)
        for _, member in ipairs(members) do
            local asked = string.sub(member, #group + 1, #group + 8)
            local run_id = string.sub(member, #group + 9, string.find(member, '\0', #group + 9, true) - 1)
            if left > 0 and passes(run_id, asked, string.sub(member, -8)) then
                out[#out + 1] = string.sub(member, #group + 1, -10)
                left = left - 1
            end
        end
        if #members < at_once then
            return
        end
        from = '(' .. members[#members]
    end
end

local function take_groups(base)
    local from = '-'
    while true do
        local first = redis.call('ZRANGEBYLEX', base .. 'o', from, '+', 'LIMIT', 0, 1)[1]
        if not first then
            return
        end
        local group = string.sub(first, 1, group_length(first, 1, 1))
        if not workflow or string.sub(group, 3) == workflow then
            take_of_group(base, group)
        end
        from = after_group(group)
    end
end

for _, key in ipairs(KEYS) do
    local base = string.sub(key, 1, -2)
    local low, high = prefix and '[' .. prefix, prefix and '(' .. prefix .. '\255'
    if prefix and redis.call('ZLEXCOUNT', base .. 'n', low, high) <= narrow then
        take_of_runs(base, redis.call('ZRANGEBYLEX', base .. 'n', low, high))
    elseif deadline_before and redis.call('ZCOUNT', base .. 'x', '-inf', deadline_score) <= narrow then
        take_places(base, redis.call('ZRANGEBYSCORE', base .. 'x', '-inf', deadline_score))
    else
        take_groups(base)
    end
end
return joined(out)
