-- What stands before every script. Strings are never compared by `<` here: Lua would ask the server's locale, and only
-- sorted sets compare byte by byte.

local NOTHING = string.rep('\255', 8) -- a time that is not given

-- All that begins with some text and a time sorts below this.
local function after_group(text)
    return '(' .. text .. NOTHING .. '\255'
end

-- Whether one time (8 bytes) comes before another.
local function is_before(one, other)
    local high, low = struct.unpack('>I4I4', one)
    local other_high, other_low = struct.unpack('>I4I4', other)
    return high < other_high or (high == other_high and low < other_low)
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

-- A text behind its length, as in `packing.sized`: where it ends that begins at `at`.
local function text_end(text, at)
    return at + 1 + struct.unpack('>I2', text, at)
end

-- The length of what stands before the time: two texts (a run's status and workflow), or one (an approval's workflow).
local function group_length(text, at, texts)
    local next_at = at
    for _ = 1, texts do
        next_at = text_end(text, next_at) + 1
    end
    return next_at - at
end

-- An approval's value: version (8 bytes), open and ready (1 byte), deadline (8 bytes), how long its audience is (4
-- bytes), workflow behind its length, the time of asking, the names of the audience, each behind its length, body.
local function approval_of(value)
    local flags = string.byte(value, 9)
    local audience, workflow = struct.unpack('>I4I2', value, 18)
    return {
        open = flags % 2 == 1,
        ready = flags >= 2,
        deadline = string.sub(value, 10, 17),
        group = string.sub(value, 22, 23 + workflow),
        asked = string.sub(value, 24 + workflow, 31 + workflow),
        audience = string.sub(value, 32 + workflow, 31 + workflow + audience),
    }
end

local function approval_listed(approval, place)
    return approval.group .. approval.asked .. place .. '\0' .. approval.deadline
end

-- Each name of an audience, with its length in front.
local function names_of(audience)
    local names, at = {}, 1
    while at <= #audience do
        local ending = text_end(audience, at)
        names[#names + 1] = string.sub(audience, at, ending)
        at = ending + 1
    end
    return names
end

-- Where an approval stands behind each name of its audience.
local function audience_place(approval, place)
    return approval.deadline .. place .. '\0' .. approval.asked .. string.sub(approval.group, 3)
end

-- What an approval is found by for each name of its audience; none where it has closed, or for no approval.
local function audience_listed(approval, place)
    if not approval or not approval.open or approval.audience == '' then
        return {}
    end
    local listed = names_of(approval.audience)
    local behind = audience_place(approval, place)
    for i, name in ipairs(listed) do
        listed[i] = name .. behind
    end
    return listed
end

-- A notice's value: version (8 bytes), dead (1 byte), due (8 bytes), channel behind its length, body.
local function notice_of(value)
    return {
        dead = string.byte(value, 9) == 1,
        due = string.sub(value, 10, 17),
        channel = string.sub(value, 18, text_end(value, 18)),
    }
end

-- What a notice is found by that is to be sent.
local function notice_timed(notice, place)
    return notice and notice.due ~= NOTHING and notice.channel .. notice.due .. place
end

-- What a notice is found by that was given up: among all, and among those of its channel.
local function notice_given_up(notice, place)
    return notice and notice.dead and { '\0' .. place, '\1' .. notice.channel .. place } or {}
end
