-- Applies one commit about one run, or nothing of it.
--
-- KEYS[1]: the run's hash. KEYS[2]: where this writer keeps the number of the last commit in this place of its ring.
-- ARGV: the run's id, the commit's number, the channel to tell ('' for none), '1' on a cluster, how many parts there
-- are of each kind, and the parts.
-- Replies 1: applied; 2: was applied when it was sent before; 3: cannot be known any more; or the condition that did
-- not hold: its kind, its place among those, and the version that was found.

local hash, outcome = KEYS[1], KEYS[2]
local run_id, number, channel, guarded = ARGV[1], ARGV[2], ARGV[3], ARGV[4] == '1'
local prefix = string.sub(hash, 1, -2 - #run_id)
local NONE = string.rep('\0', 8) -- the version of what does not exist
local KEPT = 600 -- seconds: longer than any client goes on asking

local before = redis.call('GET', outcome)
if before == number then
    redis.call('SET', outcome, number, 'EX', KEPT) -- a write, so that WAIT has something to wait for
    return 2
end
if before and tonumber(before) > tonumber(number) then
    return 3
end
if guarded then
    -- While its slot moves to another node a missing key cannot be had: let that show before anything is written.
    local l, n, u, d = prefix .. 'l', prefix .. 'n', prefix .. 'u', prefix .. 'd'
    redis.call('EXISTS', l, n, u, d, prefix .. 'q', prefix .. 'y', prefix .. 'o', prefix .. 'x', prefix .. 'a')
end
local told = prefix .. 't' .. run_id

-- Where each kind of part begins among the arguments

local runs, holds, dropped, steps, approvals, notices, entries, redacted, forgotten = struct.unpack(
    '>I4I4I4I4I4I4I4I4I4', ARGV[5])
local hold_at = 6 + 4 * runs
local dropped_at = hold_at + 2 * holds
local step_at = dropped_at + dropped
local approval_at = step_at + 2 * steps
local notice_at = approval_at + 4 * approvals
local entry_at = notice_at + 3 * notices
local redacted_at = entry_at + 2 * entries
local forgotten_at = redacted_at + 2 * redacted

if guarded and notices + forgotten > 0 then
    redis.call('EXISTS', told, prefix .. 'p', prefix .. 'g')
end

-- What there is now

local wanted = { 'r' }
for i = step_at, approval_at - 1, 2 do
    wanted[#wanted + 1] = ARGV[i]
end
for i = approval_at, notice_at - 1, 4 do
    wanted[#wanted + 1] = ARGV[i]
end
for i = entry_at, forgotten_at - 1, 2 do
    wanted[#wanted + 1] = ARGV[i]
end
local found = call_with('HMGET', hash, wanted)
local now = {}
for i = 1, #wanted do
    now[wanted[i]] = found[i]
end
local old = now['r']
local told_now, told_all = {}, forgotten > 0 and redis.call('HGETALL', told) or {}
for i = 2, #told_all, 2 do
    told_all[i] = notice_of(told_all[i])
end
if notices > 0 then
    local fields = {}
    for i = notice_at, entry_at - 1, 3 do
        fields[#fields + 1] = ARGV[i]
    end
    local values = call_with('HMGET', told, fields)
    for i, field in ipairs(fields) do
        told_now[field] = values[i]
    end
end

-- First all conditions, for nothing that is written can be taken back

-- An entry's value: its hash, behind its length, then its body. A length of 0 means 32 bytes, another is one too long.
local function entry_hash(value)
    local length = struct.unpack('>I2', value)
    return string.sub(value, 1, length == 0 and 34 or length + 1)
end

local run, body, updated, renewed = old, nil, nil, false
for i = 0, runs - 1 do
    local at = 6 + 4 * i
    local version = run and string.sub(run, 1, 8) or NONE
    if version ~= ARGV[at] then
        return { 'run', i, version }
    end
    run, body, updated, renewed = ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], true
end
for i = 0, holds - 1 do
    local at = hold_at + 2 * i
    local version = run and string.sub(run, 1, 8) or NONE
    if not run or version ~= ARGV[at] then
        return { 'hold', i, version }
    end
    if ARGV[at + 1] ~= '' then
        run, renewed = string.sub(run, 1, 8) .. ARGV[at + 1] .. string.sub(run, 17), true
    end
end
for i = dropped_at, step_at - 1 do
    now[ARGV[i]] = false
end
for i = 0, steps - 1 do
    local field = ARGV[step_at + 2 * i]
    if now[field] then
        return { 'step', i, NONE }
    end
    now[field] = true
end
local standing = {}
for i = 0, approvals - 1 do
    local at = approval_at + 4 * i
    local value = now[ARGV[at]]
    local version = value and string.sub(value, 1, 8) or NONE
    if version ~= ARGV[at + 1] then
        return { 'approval', i, version }
    end
    standing[i] = value
    now[ARGV[at]] = ARGV[at + 2]
end
local noticed = {}
for i = 0, notices - 1 do
    local at = notice_at + 3 * i
    local value = told_now[ARGV[at]]
    local version = value and string.sub(value, 1, 8) or NONE
    if version ~= ARGV[at + 1] then
        return { 'notice', i, version }
    end
    noticed[i] = value and notice_of(value)
    told_now[ARGV[at]] = ARGV[at + 2]
end
for i = 0, entries - 1 do
    local field = ARGV[entry_at + 2 * i]
    if now[field] then
        return { 'entry', i, NONE }
    end
    now[field] = ARGV[entry_at + 2 * i + 1]
end
for i = 0, redacted - 1 do
    local at = redacted_at + 2 * i
    local stands = now[ARGV[at]]
    if not stands or entry_hash(stands) ~= entry_hash(ARGV[at + 1]) then
        return { 'redacted', i, NONE }
    end
end
local left = run
for i = 0, forgotten - 1 do
    local version = left and string.sub(left, 1, 8) or NONE
    if version ~= ARGV[forgotten_at + i] then
        return { 'forgotten', i, version }
    end
    left = false
end

-- Then the writes

local function place_of(field)
    return run_id .. '\0' .. string.sub(field, 2)
end

-- What something was found by goes, and what it is to be found by comes; the new first, so that no key vanishes.
local function move(index, gone, come)
    if come and come ~= gone then
        redis.call('ZADD', prefix .. index, 0, come)
    end
    if gone and come ~= gone then
        redis.call('ZREM', prefix .. index, gone)
    end
end

local function move_run(from, to)
    local gone, come = from and run_timed(from, run_id), to and run_timed(to, run_id)
    move('l', from and run_listed(from, run_id), to and run_listed(to, run_id))
    move('d', gone, come)
    move('q', gone and run_lane(from) .. gone, come and run_lane(to) .. come)
end

-- Likewise for what is found by several names at once.
local function move_all(index, gone, come)
    if #gone <= 1 and #come <= 1 then
        return move(index, gone[1], come[1])
    end
    local stood, new, old = {}, {}, {}
    for _, member in ipairs(gone) do
        stood[member] = true
    end
    for _, member in ipairs(come) do
        if stood[member] then
            stood[member] = nil
        else
            new[#new + 1], new[#new + 2] = 0, member
        end
    end
    for _, member in ipairs(gone) do
        if stood[member] then
            old[#old + 1] = member
        end
    end
    if new[1] then
        call_with('ZADD', prefix .. index, new)
    end
    if old[1] then
        call_with('ZREM', prefix .. index, old)
    end
end

local function move_approval(field, from, to, to_deadline)
    local place = place_of(field)
    local gone = from and from.open and approval_listed(from, place)
    local come = to and to.open and approval_listed(to, place)
    move('o', gone, come)
    move_all('a', audience_listed(from, place), audience_listed(to, place))
    if come and to.deadline ~= NOTHING then
        redis.call('ZADD', prefix .. 'x', to_deadline, place)
    elseif gone and from.deadline ~= NOTHING then
        redis.call('ZREM', prefix .. 'x', place)
    end
    if to and to.ready and run then
        redis.call('ZADD', prefix .. 'y', 0, place)
    elseif from and from.ready then
        redis.call('ZREM', prefix .. 'y', place)
    end
end

local function move_notice(field, from, to)
    local place = place_of(field)
    move('p', notice_timed(from, place), notice_timed(to, place))
    move_all('g', notice_given_up(from, place), notice_given_up(to, place))
end

local function forget_notices()
    for i = 1, #told_all, 2 do
        move_notice(told_all[i], told_all[i + 1], nil)
    end
    if told_all[1] then
        redis.call('DEL', told)
    end
end

local function forget()
    local all = redis.call('HGETALL', hash)
    for i = 1, #all, 2 do
        if string.sub(all[i], 1, 1) == 'a' then
            move_approval(all[i], approval_of(all[i + 1]), nil, nil)
        end
    end
    if old then
        move_run(old, nil)
        redis.call('ZREM', prefix .. 'u', run_id)
    end
    redis.call('ZREM', prefix .. 'n', run_id)
    redis.call('DEL', hash)
    forget_notices()
end

-- Approvals that stood before their run did are to wake it from now on.
local function adopt()
    local all = redis.call('HGETALL', hash)
    for i = 1, #all, 2 do
        if string.sub(all[i], 1, 1) == 'a' and approval_of(all[i + 1]).ready then
            redis.call('ZADD', prefix .. 'y', 0, place_of(all[i]))
        end
    end
end

local function write_notices()
    local fields = {}
    for i = 0, notices - 1 do
        local at = notice_at + 3 * i
        move_notice(ARGV[at], noticed[i], notice_of(ARGV[at + 2]))
        fields[#fields + 1] = ARGV[at]
        fields[#fields + 1] = ARGV[at + 2]
    end
    call_with('HSET', told, fields)
end

local function write()
    local fields = {}
    if renewed then
        move_run(old, run)
        if updated then
            redis.call('ZADD', prefix .. 'u', updated, run_id)
        end
        if not old and redis.call('ZADD', prefix .. 'n', 0, run_id) == 0 then
            adopt()
        end
        fields[1], fields[2] = 'r', run
        if body then
            fields[3], fields[4] = 'b', body
        end
    end
    if dropped > 0 then
        local gone = {}
        for i = dropped_at, step_at - 1 do
            gone[#gone + 1] = ARGV[i]
        end
        call_with('HDEL', hash, gone)
    end
    if steps > 0 then
        local last = redis.call('HINCRBY', hash, 'n', steps)
        for i = 0, steps - 1 do
            fields[#fields + 1] = ARGV[step_at + 2 * i]
            fields[#fields + 1] = struct.pack('>I4', last - steps + 1 + i) .. ARGV[step_at + 2 * i + 1]
        end
    end
    for i = 0, approvals - 1 do
        local at = approval_at + 4 * i
        local from = standing[i] and approval_of(standing[i])
        move_approval(ARGV[at], from, approval_of(ARGV[at + 2]), ARGV[at + 3])
        fields[#fields + 1] = ARGV[at]
        fields[#fields + 1] = ARGV[at + 2]
    end
    for i = entry_at, forgotten_at - 1 do
        fields[#fields + 1] = ARGV[i]
    end
    if #fields > 0 then
        call_with('HSET', hash, fields)
        if not run then
            redis.call('ZADD', prefix .. 'n', 0, run_id)
        end
    end
    if notices > 0 then
        write_notices()
    end
end

if forgotten > 0 then
    forget()
else
    write()
end
redis.call('SET', outcome, number, 'EX', KEPT)
if channel ~= '' then
    redis.pcall('PUBLISH', channel, run_id) -- only a hint: the commit stands without it
end
return 1
