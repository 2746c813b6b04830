-- Names runs of a listing, newest first within each shard and group: the time of creation (8 bytes) and the id of each.
--
-- KEYS: the index `l` of one shard or more, all on this node. ARGV: how many of each, behind which ('' for from the
-- start), how many rows make a filter narrow, then the filters, each '' or behind an '=': prefix, workflow, last change
-- (8 bytes, and as a bound of scores), and whether by status; then the statuses.

local limit, after, narrow = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])
local prefix = ARGV[4] ~= '' and string.sub(ARGV[4], 2)
local workflow = ARGV[5] ~= '' and string.sub(ARGV[5], 2)
local changed = ARGV[6] ~= '' and string.sub(ARGV[6], 2)
local changed_score = ARGV[7]
local statuses = ARGV[8] ~= '' and {}
for i = 9, #ARGV do
    statuses[ARGV[i]] = true
end
local changed_high, changed_low
if changed then
    changed_high, changed_low = struct.unpack('>I4I4', changed)
end
local out = {}

local function is_wanted(group)
    local length = struct.unpack('>I2', group)
    return (not statuses or statuses[string.sub(group, 3, 2 + length)])
        and (not workflow or string.sub(group, 5 + length) == workflow)
end

local function begins(run_id)
    return not prefix or string.sub(run_id, 1, #prefix) == prefix
end

local function header_of(base, run_id)
    return redis.call('HGET', base .. 'r' .. run_id, 'r')
end

local function is_old(header)
    local high, low = struct.unpack('>I4I4', header, 17)
    return high < changed_high or (high == changed_high and low < changed_low)
end

-- Few enough to be looked at one by one; the client sorts them.
local function take_each(base, run_ids)
    for _, run_id in ipairs(run_ids) do
        local header = begins(run_id) and header_of(base, run_id)
        if header and is_wanted(run_group(header)) and (not changed or is_old(header)) then
            out[#out + 1] = string.sub(header, -8) .. run_id
        end
    end
end

local function take_of_group(base, group)
    local from = after == '' and after_group(group) or '(' .. group .. after
    local left = limit
    local at_once = (prefix or changed) and math.max(limit, 200) or limit
    while left > 0 do
        local members = redis.call('ZREVRANGEBYLEX', base .. 'l', from, '[' .. group, 'LIMIT', 0, at_once)
        for _, member in ipairs(members) do
            local run_id = string.sub(member, #group + 9)
            if left > 0 and begins(run_id) and (not changed or is_old(header_of(base, run_id))) then
                out[#out + 1] = string.sub(member, #group + 1)
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
        local first = redis.call('ZRANGEBYLEX', base .. 'l', from, '+', 'LIMIT', 0, 1)[1]
        if not first then
            return
        end
        local group = string.sub(first, 1, group_length(first, 1, 2))
        if is_wanted(group) then
            take_of_group(base, group)
        end
        from = after_group(group)
    end
end

for _, key in ipairs(KEYS) do
    local base = string.sub(key, 1, -2)
    local low, high = prefix and '[' .. prefix, prefix and '(' .. prefix .. '\255'
    if prefix and redis.call('ZLEXCOUNT', base .. 'n', low, high) <= narrow then
        take_each(base, redis.call('ZRANGEBYLEX', base .. 'n', low, high))
    elseif changed and redis.call('ZCOUNT', base .. 'u', '-inf', changed_score) <= narrow then
        take_each(base, redis.call('ZRANGEBYSCORE', base .. 'u', '-inf', changed_score))
    else
        take_groups(base)
    end
end
return joined(out)
