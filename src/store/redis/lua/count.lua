-- Count requests of clients, each in a window that begins with the first. ARGV[4]: how many clients are remembered. Then for each client: its name, how many requests have come, and
-- how many milliseconds a window has. Returns for each how many that makes, and how many milliseconds are left.
local counts, windows = P .. 'requests', P .. 'windows'
local function forget(clients)
  if #clients > 0 then
    redis.call('HDEL', counts, unpack(clients))
    redis.call('ZREM', windows, unpack(clients))
  end
end
forget(redis.call('ZRANGEBYSCORE', windows, '-inf', now, 'LIMIT', 0, 1000))
local reply = {}
for at = 5, #ARGV, 3 do
  local client, requests, windowMs = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local ends = tonumber(redis.call('ZSCORE', windows, client) or '0')
  if ends > now then
    requests = redis.call('HINCRBY', counts, client, requests)
  else
    ends = now + windowMs
    redis.call('HSET', counts, client, requests)
    redis.call('ZADD', windows, whole(ends), client)
  end
  reply[#reply + 1] = tonumber(requests)
  reply[#reply + 1] = ends - now
end
local more = redis.call('ZCARD', windows) - ARGV[4]
if more > 0 then
  forget(redis.call('ZRANGE', windows, 0, math.min(more, 1000) - 1))
end
return reply
