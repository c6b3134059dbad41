-- What stands in the header of the namespace, and what kind of Redis this is. Without the beginning of the other scripts: it is what they are about.
local head = redis.call('HMGET', KEYS[1], 'ledger', 'generation', 'run')
local journal = head[2] and redis.call('HMGET', KEYS[1] .. ':' .. head[2] .. ':h', 'base', 'head') or {}
local function info(section, name)
  return string.match(redis.call('INFO', section), name .. ':([^\r\n]*)') or false
end
return {
  head[1], head[2], journal[1] or false, journal[2] or false, head[3], info('server', 'run_id'),
  info('replication', 'role'), info('memory', 'maxmemory_policy'), info('persistence', 'aof_enabled'),
}
