-- Everything has been loaded: from now on this is the Redis of this generation. KEYS[1]: the header. KEYS[2]: the beginning of the names. ARGV: the ledger, the generation, the
-- position, the token of the loading. Refused if anything happened to Redis since the loading began, or somebody else was faster.
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
if redis.call('GET', KEYS[2] .. 'loading') ~= run .. ' ' .. ARGV[4] then
  return redis.error_reply('HOLDFAST lost')
end
local generation = redis.call('HGET', KEYS[1], 'generation')
if generation and tonumber(generation) >= tonumber(ARGV[2]) and redis.call('HGET', KEYS[1], 'ledger') == ARGV[1] then
  return redis.error_reply('HOLDFAST late')
end
redis.call('DEL', KEYS[2] .. 'loading')
redis.call('HSET', KEYS[2] .. 'h', 'head', ARGV[3], 'base', ARGV[3], 'pending', 0, 'mark', '')
redis.call('HSET', KEYS[1], 'ledger', ARGV[1], 'generation', ARGV[2], 'run', run)
return redis.status_reply('OK')
