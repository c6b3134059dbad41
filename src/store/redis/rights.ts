/** What the user of the URL must be allowed to run, on the keys of the namespace: by the driver, to load Redis, and in the scripts. */
export const rights: readonly string[] = [
  'info time scan eval evalsha',
  'exists get set mget mset unlink del rename',
  'hget hmget hset hdel hexists hincrby hlen',
  'lindex llen lrange ltrim rpush',
  'zadd zcard zrange zrangebylex zrangebyscore zrem zscore',
].flatMap((row) => row.split(' '))

/** The same for an ACL, with what the driver runs only where the URL names a database, or on a Cluster. */
export const aclRule = `~{holdfast:*}* ${[...rights, 'select', 'cluster|slots', 'cluster|info'].map((name) => `+${name}`).join(' ')}`
