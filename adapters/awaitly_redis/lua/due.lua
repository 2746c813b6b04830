-- Names runs to look at: those whose time has come, and those with a decision to take up, lane by lane.
--
-- KEYS: the index `d` (for all lanes as one) or `q` (for some) of one shard or more, all on this node. ARGV: the time (8
-- bytes), how many to name of each shard at most, then what stands ahead of the times that are wanted: nothing in `d`,
-- a lane behind its length in `q`.
-- Replies three parts for each: the place of its lane among those, its time and its id; the time is '' where only a
-- decision makes it due.

local now, limit = ARGV[1], tonumber(ARGV[2])
local by_lane = string.sub(KEYS[1], -1) == 'q'
local at_once = limit + 100
local out = {}

local function name(place, time, run_id)
    out[#out + 1] = tostring(place)
    out[#out + 1] = time
    out[#out + 1] = run_id
end

local function take_timed(key, place, most, named)
    local ahead = ARGV[2 + place]
    local members = redis.call('ZRANGEBYLEX', key, '[' .. ahead, '(' .. ahead .. now .. '\255', 'LIMIT', 0, most)
    for _, member in ipairs(members) do
        local run_id = string.sub(member, #ahead + 9)
        named[run_id] = true
        name(place, string.sub(member, #ahead + 1, #ahead + 8), run_id)
    end
    return #members
end

-- Of many lanes mostly none has a run whose time has come: one look at all of them tells.
local function is_any_due(base)
    return not by_lane or redis.call('ZRANGEBYLEX', base .. 'd', '-', '(' .. now .. '\255', 'LIMIT', 0, 1)[1]
end

-- A shard names `limit` runs at most, so whatever stands behind so many of them is not looked at.
local function take_all_timed(base, key, named)
    local any_due = is_any_due(base)
    local left, room, lanes = limit, {}, 0
    for place = 1, #ARGV - 2 do
        left = left - (any_due and take_timed(key, place, left, named) or 0)
        if left == 0 then
            break
        end
        room[ARGV[2 + place]] = { place = place, left = left }
        lanes = lanes + 1
    end
    return room, lanes
end

local function lane_of(base, run_id)
    return by_lane and run_lane(redis.call('HGET', base .. 'r' .. run_id, 'r') or '') or ''
end

-- A run's ready approvals stand beside each other, in the order of the ids.
local function take_ready(base, room, lanes, named)
    local from = 0
    while lanes > 0 do
        local places = redis.call('ZRANGE', base .. 'y', from, from + at_once - 1)
        for _, place in ipairs(places) do
            local run_id = string.sub(place, 1, string.find(place, '\0', 1, true) - 1)
            local lane = lanes > 0 and not named[run_id] and room[lane_of(base, run_id)]
            named[run_id] = true
            if lane and lane.left > 0 then
                name(lane.place, '', run_id)
                lane.left = lane.left - 1
                lanes = lanes - (lane.left == 0 and 1 or 0)
            end
        end
        if #places < at_once then
            return
        end
        from = from + at_once
    end
end

for _, key in ipairs(KEYS) do
    local base, named = string.sub(key, 1, -2), {}
    local room, lanes = take_all_timed(base, key, named)
    take_ready(base, room, lanes, named)
end
return joined(out)
