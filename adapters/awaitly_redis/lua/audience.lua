-- Names open approvals by whom they wait for, the most urgent first within each shard and name, as the index has them
-- behind the name: deadline (8 bytes), run's id, a zero, key, a zero, when asked (8 bytes), workflow.
--
-- KEYS: the index `a` of one shard or more, all on this node. ARGV: how many to look at, for each name in each shard; how
-- many rows make a prefix narrow; behind and ahead of which; then the filters, each '' or behind an '=': prefix,
-- workflow, asked before (8 bytes); then the names, each behind its length.
-- Last come a '', the place up to which all are named ('' for to the end), and how many were looked at.

local looks, narrow, behind, ahead = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], ARGV[4]
local function filter(at)
    return ARGV[at] ~= '' and string.sub(ARGV[at], 2)
end
local prefix, workflow, asked_before = filter(5), filter(6), filter(7)
local is_filtered = prefix or workflow or asked_before
local names, is_named = {}, {}
for i = 8, #ARGV do
    names[#names + 1], is_named[ARGV[i]] = ARGV[i], true
end
local out, horizon, looked = {}, '', 0

local function passes(run_id, asked, of_workflow)
    return (not prefix or string.sub(run_id, 1, #prefix) == prefix)
        and (not workflow or of_workflow == workflow)
        and (not asked_before or is_before(asked, asked_before))
end

local function place_passes(place)
    local run_end = string.find(place, '\0', 9, true)
    local key_end = string.find(place, '\0', run_end + 1, true)
    local asked, of_workflow = string.sub(place, key_end + 1, key_end + 8), string.sub(place, key_end + 9)
    return passes(string.sub(place, 9, run_end - 1), asked, of_workflow)
end

-- Where a name has more than are looked at, nothing that is less urgent than the last of them matters any more: not of
-- this name, and not of those that are still to come.
local function take_of_name(base, name)
    local members = redis.call('ZRANGEBYLEX', base .. 'a', '(' .. name .. behind, '(' .. name .. ahead, 'LIMIT', 0, looks)
    local place
    for _, member in ipairs(members) do
        place = string.sub(member, #name + 1)
        if not is_filtered or place_passes(place) then
            out[#out + 1] = place
        end
    end
    looked = looked + #members
    if #members == looks then
        horizon, ahead = place, place .. '\0'
    end
end

local function waits_for_any(approval)
    for _, name in ipairs(approval.open and names_of(approval.audience) or {}) do
        if is_named[name] then
            return true
        end
    end
    return false
end

-- Few enough to be looked at one by one; the client drops those that are behind or ahead.
local function take_of_run(base, run_id)
    for _, field in ipairs(redis.call('HKEYS', base .. 'r' .. run_id)) do
        if string.sub(field, 1, 1) == 'a' then
            local approval = approval_of(redis.call('HGET', base .. 'r' .. run_id, field))
            if waits_for_any(approval) and passes(run_id, approval.asked, string.sub(approval.group, 3)) then
                out[#out + 1] = audience_place(approval, run_id .. '\0' .. string.sub(field, 2))
            end
        end
    end
end

for _, key in ipairs(KEYS) do
    local base = string.sub(key, 1, -2)
    local low, high = prefix and '[' .. prefix, prefix and '(' .. prefix .. '\255'
    if prefix and redis.call('ZLEXCOUNT', base .. 'n', low, high) <= narrow then
        for _, run_id in ipairs(redis.call('ZRANGEBYLEX', base .. 'n', low, high)) do
            take_of_run(base, run_id)
        end
    else
        for _, name in ipairs(names) do
            take_of_name(base, name)
        end
    end
end
out[#out + 1], out[#out + 2], out[#out + 3] = '', horizon, tostring(looked)
return joined(out)
