-- Reads what belongs to a run, as of one moment of the server's clock.
--
-- KEYS[1]: the run's hash. ARGV[1]: 'all', 'approvals' (with the last entry of the ledger) or 'entries'.
-- Replies the time, in seconds and microseconds, then field and value in turn; of 'all', too, only the last entry.

local which = ARGV[1]
local out = redis.call('TIME')
local APPROVAL, ENTRY = 97, 101 -- a, e

local function is_later(field, than)
    local high, low = struct.unpack('>I4I4', field, 2)
    local than_high, than_low = struct.unpack('>I4I4', than, 2)
    return high > than_high or (high == than_high and low > than_low)
end

local function read_all()
    local all = redis.call('HGETALL', KEYS[1])
    local head, head_value = nil, nil
    for i = 1, #all, 2 do
        if string.byte(all[i]) ~= ENTRY then
            out[#out + 1] = all[i]
            out[#out + 1] = all[i + 1]
        elseif not head or is_later(all[i], head) then
            head, head_value = all[i], all[i + 1]
        end
    end
    if head then
        out[#out + 1] = head
        out[#out + 1] = head_value
    end
end

-- By their names first: a run's steps may be many, and large.
local function read_some()
    local wanted, head = {}, nil
    for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
        local kind = string.byte(field)
        if kind == ENTRY and which == 'approvals' then
            head = (not head or is_later(field, head)) and field or head
        elseif kind == ENTRY or (kind == APPROVAL and which == 'approvals') then
            wanted[#wanted + 1] = field
        end
    end
    wanted[#wanted + 1] = head
    local values = #wanted > 0 and call_with('HMGET', KEYS[1], wanted) or {}
    for i = 1, #wanted do
        out[#out + 1] = wanted[i]
        out[#out + 1] = values[i]
    end
end

if which == 'all' then
    read_all()
else
    read_some()
end
return joined(out)
