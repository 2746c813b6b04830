-- What stands before every script. Strings are never compared by `<` here: Lua would ask the server's locale, and only
-- sorted sets compare byte by byte.

local NOTHING = string.rep('\255', 8) -- a time that is not given

-- All that begins with some text and a time sorts below this.
local function after_group(text)
    return '(' .. text .. NOTHING .. '\255'
end

-- One reply of many texts as MessagePack: a client takes that apart far quicker than an array.
local joined = cmsgpack.pack

-- Call a command with more arguments than Lua can pass at once.
local function call_with(command, key, arguments)
    if #arguments <= 1000 then
        return redis.call(command, key, unpack(arguments))
    end
    local replies = {}
    for first = 1, #arguments, 1000 do
        local last = math.min(first + 999, #arguments)
        local reply = redis.call(command, key, unpack(arguments, first, last))
        if type(reply) == 'table' then
            for i = 1, #reply do
                replies[first - 1 + i] = reply[i]
            end
        end
    end
    return replies
end

-- A run's header: version, due, updated (8 bytes each), the lane behind its length of 2 bytes, then what `listed` begins
-- with: status and workflow, each behind its length too, and the time of creation.
local function lane_end(header)
    local high, low = string.byte(header, 25, 26)
    return 26 + 256 * (high or 0) + (low or 0) -- also of what is no header at all: a sweep goes on past it
end

local function run_lane(header)
    return string.sub(header, 25, lane_end(header))
end

local function run_group(header)
    return string.sub(header, lane_end(header) + 1, -9)
end

local function run_listed(header, run_id)
    return string.sub(header, lane_end(header) + 1) .. run_id
end

local function run_timed(header, run_id)
    local due = string.sub(header, 9, 16)
    return due ~= NOTHING and due .. run_id
end

-- The length of what stands before the time: two texts (a run's status and workflow), or one (an approval's workflow).
local function group_length(text, at, texts)
    local next_at = at
    for _ = 1, texts do
        next_at = next_at + 2 + struct.unpack('>I2', text, next_at)
    end
    return next_at - at
end

-- An approval's value: version (8 bytes), open and ready (1 byte), deadline (8 bytes), workflow behind its length, the
-- time of asking, body.
local function approval_of(value)
    local flags = string.byte(value, 9)
    local length = group_length(value, 18, 1)
    return {
        open = flags % 2 == 1,
        ready = flags >= 2,
        deadline = string.sub(value, 10, 17),
        group = string.sub(value, 18, 17 + length),
        asked = string.sub(value, 18 + length, 25 + length),
    }
end

local function approval_listed(approval, place)
    return approval.group .. approval.asked .. place .. '\0' .. approval.deadline
end
